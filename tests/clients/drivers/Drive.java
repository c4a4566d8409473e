import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import presign.ApiClient;
import presign.ApiException;
import presign.api.DownloadsApi;
import presign.api.FormsApi;
import presign.api.MultipartUploadsApi;
import presign.api.UploadsApi;
import presign.model.CompleteUploadRequest;
import presign.model.CompletedPart;
import presign.model.CompletedUpload;
import presign.model.DownloadUrlBatchRequest;
import presign.model.DownloadUrlRequest;
import presign.model.InvalidField;
import presign.model.MultipartUpload;
import presign.model.MultipartUploadRequest;
import presign.model.PresignedBatch;
import presign.model.PresignedForm;
import presign.model.PresignedPart;
import presign.model.PresignedRequest;
import presign.model.PresignedResult;
import presign.model.Problem;
import presign.model.UploadFormRequest;
import presign.model.UploadUrlRequest;
import presign.model.UploadedPart;

import static java.nio.charset.StandardCharsets.UTF_8;

/**
 * What a client for Java made by openapi-generator does: {@code Drive SOURCE TARGET KEY}.
 *
 * <p>SOURCE goes up as KEY and comes down again as TARGET; then a batch, a form, an upload in parts, and two
 * refusals. What the service answered is printed as JSON.
 */
public final class Drive {
    static final String BUCKET = "objects";
    static final long PART_SIZE = 5 * 1024 * 1024;

    static final ApiClient SERVICE = service(System.getenv("PRESIGN_URL"), System.getenv("PRESIGN_TOKEN"));
    static final HttpClient STORE = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

    static ApiClient service(String url, String token) {
        ApiClient client = new ApiClient();
        client.updateBaseUri(url);
        client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
        return client;
    }

    static byte[] send(String method, String url, Map<String, String> headers, BodyPublisher body)
            throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url)).method(method, body);
        headers.forEach(request::header);
        HttpResponse<byte[]> answer = STORE.send(request.build(), BodyHandlers.ofByteArray());
        if (answer.statusCode() >= 300) {
            throw new IOException("the store answered with " + answer.statusCode());
        }
        return answer.body();
    }

    static void upload(String key, Path source) throws Exception {
        UploadUrlRequest ask = new UploadUrlRequest()
                .bucket(BUCKET)
                .key(key)
                .contentLength(Files.size(source))
                .contentType("text/plain")
                .metadata(Map.of("author", "ann"));
        PresignedRequest signed = new UploadsApi(SERVICE).createUploadUrl(ask);
        send(signed.getMethod(), signed.getUrl(), signed.getHeaders(), BodyPublishers.ofFile(source));
    }

    static byte[] download(String key) throws Exception {
        DownloadUrlRequest ask = new DownloadUrlRequest().bucket(BUCKET).key(key);
        PresignedRequest signed = new DownloadsApi(SERVICE).createDownloadUrl(ask);
        return send(signed.getMethod(), signed.getUrl(), signed.getHeaders(), BodyPublishers.noBody());
    }

    static Map<String, Object> batch(String... keys) throws ApiException {
        DownloadUrlBatchRequest ask = new DownloadUrlBatchRequest();
        for (String key : keys) {
            ask.addItemsItem(new DownloadUrlRequest().bucket(BUCKET).key(key));
        }
        PresignedBatch answer = new DownloadsApi(SERVICE).createDownloadUrlBatch(ask);
        List<String> methods = new ArrayList<>();
        List<String> codes = new ArrayList<>();
        for (PresignedResult result : answer.getResults()) {
            if (result.getRequest() != null) {
                methods.add(result.getRequest().getMethod());
            } else {
                codes.add(result.getProblem().getCode());
            }
        }
        return Map.of("failed", answer.getFailed(), "methods", methods, "codes", codes);
    }

    static String uploadByForm(byte[] body) throws Exception {
        UploadFormRequest ask = new UploadFormRequest()
                .bucket(BUCKET)
                .keyPrefix("inbox/")
                .filename("ü.txt")
                .maxContentLength((long) body.length);
        PresignedForm form = new FormsApi(SERVICE).createUploadForm(ask);
        String boundary = "presign-form-boundary";
        String part = "--" + boundary + "\r\nContent-Disposition: form-data; name=";
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (Map.Entry<String, String> field : form.getFields().entrySet()) {
            content.writeBytes((part + '"' + field.getKey() + "\"\r\n\r\n" + field.getValue() + "\r\n").getBytes(UTF_8));
        }
        content.writeBytes((part + "\"file\"; filename=\"file\"\r\n\r\n").getBytes(UTF_8)); // the file comes last
        content.writeBytes(body);
        content.writeBytes(("\r\n--" + boundary + "--\r\n").getBytes(UTF_8));
        Map<String, String> headers = Map.of("content-type", "multipart/form-data; boundary=" + boundary);
        send("POST", form.getUrl(), headers, BodyPublishers.ofByteArray(content.toByteArray()));
        return form.getKey();
    }

    static Map<String, Object> uploadInParts(String key, byte[] body) throws Exception {
        MultipartUploadsApi uploads = new MultipartUploadsApi(SERVICE);
        MultipartUpload begun = uploads.createMultipartUpload(new MultipartUploadRequest()
                .bucket(BUCKET)
                .key(key)
                .contentLength((long) body.length)
                .partSize(PART_SIZE));
        for (PresignedPart part : begun.getParts()) {
            int start = (int) ((part.getPartNumber() - 1) * begun.getPartSize());
            BodyPublisher piece = BodyPublishers.ofByteArray(body, start, part.getContentLength().intValue());
            send(part.getMethod(), part.getUrl(), part.getHeaders(), piece);
        }
        CompleteUploadRequest completion =
                new CompleteUploadRequest().bucket(BUCKET).key(key).contentLength((long) body.length);
        for (UploadedPart part : uploads.listParts(begun.getUploadId(), BUCKET, key).getParts()) {
            completion.addPartsItem(new CompletedPart().partNumber(part.getPartNumber()).etag(part.getEtag()));
        }
        CompletedUpload made = uploads.completeMultipartUpload(begun.getUploadId(), completion);
        return Map.of("parts", completion.getParts().size(), "content_length", made.getContentLength());
    }

    static Map<String, Object> refusal(String bucket, String key) throws JsonProcessingException {
        try {
            new DownloadsApi(SERVICE).createDownloadUrl(new DownloadUrlRequest().bucket(bucket).key(key));
        } catch (ApiException refused) {
            Problem problem = SERVICE.getObjectMapper().readValue(refused.getResponseBody(), Problem.class);
            List<String> pointers = new ArrayList<>();
            for (InvalidField each : problem.getErrors()) {
                pointers.add(each.getPointer());
            }
            return Map.of(
                    "status", refused.getCode(),
                    "code", problem.getCode(),
                    "detail", problem.getDetail(),
                    "pointers", pointers,
                    "shown", refused.getMessage());
        }
        throw new AssertionError("this was to be refused");
    }

    public static void main(String[] arguments) throws Exception {
        Path source = Path.of(arguments[0]);
        String key = arguments[2];
        upload(key, source);
        Files.write(Path.of(arguments[1]), download(key));
        byte[] body = Files.readAllBytes(source);
        Map<String, Object> report = Map.of(
                "batch", batch(key, "../secret"),
                "form", uploadByForm(body),
                "multipart", uploadInParts(key + ".parts", body),
                "forbidden", refusal("nobodys", key),
                "invalid", refusal(BUCKET, "../secret"));
        System.out.write(new ObjectMapper().writeValueAsBytes(report));
        System.out.flush();
    }
}
