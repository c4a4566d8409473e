// What a client for Go made by openapi-generator does: `drive SOURCE TARGET KEY`.
//
// SOURCE goes up as KEY and comes down again as TARGET; then a batch, a form, an upload in parts, and two
// refusals. What the service answered is printed as JSON.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"

	"presign.example/presign"
)

const (
	bucket   = "objects"
	partSize = 5 * 1024 * 1024
)

var (
	service = newService(os.Getenv("PRESIGN_URL"))
	asUser  = context.WithValue(
		context.Background(), presign.ContextAccessToken, os.Getenv("PRESIGN_TOKEN"))
)

func newService(url string) *presign.APIClient {
	configuration := presign.NewConfiguration()
	configuration.Servers = presign.ServerConfigurations{{URL: url}}
	return presign.NewAPIClient(configuration)
}

func send(method, url string, headers map[string]string, body io.Reader, length int64) ([]byte, error) {
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	// Go knows the length of a bytes.Reader but not of a file, and would send that chunked.
	request.ContentLength = length
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return nil, fmt.Errorf("the store answered with %s", answer.Status)
	}
	return io.ReadAll(answer.Body)
}

func upload(key, source string) error {
	file, err := os.Open(source)
	if err != nil {
		return err
	}
	defer file.Close()
	about, err := file.Stat()
	if err != nil {
		return err
	}
	ask := presign.NewUploadUrlRequest(bucket, key, about.Size())
	ask.SetContentType("text/plain")
	ask.SetMetadata(map[string]string{"author": "ann"})
	signed, _, err := service.UploadsAPI.CreateUploadUrl(asUser).UploadUrlRequest(*ask).Execute()
	if err != nil {
		return err
	}
	_, err = send(signed.Method, signed.Url, signed.Headers, file, signed.GetContentLength())
	return err
}

func download(key string) ([]byte, error) {
	ask := presign.NewDownloadUrlRequest(bucket, key)
	signed, _, err := service.DownloadsAPI.CreateDownloadUrl(asUser).DownloadUrlRequest(*ask).Execute()
	if err != nil {
		return nil, err
	}
	return send(signed.Method, signed.Url, signed.Headers, nil, 0)
}

func batch(keys ...string) (map[string]any, error) {
	items := []presign.DownloadUrlRequest{}
	for _, key := range keys {
		items = append(items, *presign.NewDownloadUrlRequest(bucket, key))
	}
	answer, _, err := service.DownloadsAPI.CreateDownloadUrlBatch(asUser).
		DownloadUrlBatchRequest(*presign.NewDownloadUrlBatchRequest(items)).Execute()
	if err != nil {
		return nil, err
	}
	methods, codes := []string{}, []string{}
	for _, result := range answer.Results {
		if result.Request != nil {
			methods = append(methods, result.Request.Method)
		} else {
			codes = append(codes, result.Problem.Code)
		}
	}
	return map[string]any{"failed": answer.Failed, "methods": methods, "codes": codes}, nil
}

func uploadByForm(body []byte) (string, error) {
	ask := presign.NewUploadFormRequest(bucket, int64(len(body)))
	ask.SetKeyPrefix("inbox/")
	ask.SetFilename("ü.txt")
	form, _, err := service.FormsAPI.CreateUploadForm(asUser).UploadFormRequest(*ask).Execute()
	if err != nil {
		return "", err
	}
	content := &bytes.Buffer{}
	writer := multipart.NewWriter(content)
	for name, value := range form.Fields {
		writer.WriteField(name, value)
	}
	file, err := writer.CreateFormFile("file", "file") // the file comes last
	if err != nil {
		return "", err
	}
	file.Write(body)
	writer.Close()
	headers := map[string]string{"Content-Type": writer.FormDataContentType()}
	_, err = send("POST", form.Url, headers, content, int64(content.Len()))
	return form.Key, err
}

func uploadInParts(key string, body []byte) (map[string]any, error) {
	length := int64(len(body))
	ask := presign.NewMultipartUploadRequest(bucket, key, length)
	ask.SetPartSize(partSize)
	uploads := service.MultipartUploadsAPI
	begun, _, err := uploads.CreateMultipartUpload(asUser).MultipartUploadRequest(*ask).Execute()
	if err != nil {
		return nil, err
	}
	for _, part := range begun.Parts {
		start := int64(part.PartNumber-1) * begun.PartSize
		piece := bytes.NewReader(body[start : start+part.ContentLength])
		if _, err = send(part.Method, part.Url, part.Headers, piece, part.ContentLength); err != nil {
			return nil, err
		}
	}
	there, _, err := uploads.ListParts(asUser, begun.UploadId).Bucket(bucket).Key(key).Execute()
	if err != nil {
		return nil, err
	}
	parts := []presign.CompletedPart{}
	for _, part := range there.Parts {
		parts = append(parts, *presign.NewCompletedPart(part.PartNumber, part.Etag))
	}
	made, _, err := uploads.CompleteMultipartUpload(asUser, begun.UploadId).
		CompleteUploadRequest(*presign.NewCompleteUploadRequest(bucket, key, length, parts)).Execute()
	if err != nil {
		return nil, err
	}
	return map[string]any{"parts": len(parts), "content_length": made.ContentLength}, nil
}

func refusal(bucket, key string) (map[string]any, error) {
	ask := presign.NewDownloadUrlRequest(bucket, key)
	_, _, err := service.DownloadsAPI.CreateDownloadUrl(asUser).DownloadUrlRequest(*ask).Execute()
	var refused *presign.GenericOpenAPIError
	if !errors.As(err, &refused) {
		return nil, fmt.Errorf("this was to be refused: %w", err)
	}
	problem, ok := refused.Model().(presign.Problem)
	if !ok {
		return nil, fmt.Errorf("no problem: %w", err)
	}
	pointers := []string{}
	for _, each := range problem.Errors {
		pointers = append(pointers, each.Pointer)
	}
	return map[string]any{
		"status": problem.Status, "code": problem.Code, "detail": problem.Detail,
		"pointers": pointers, "shown": refused.Error(),
	}, nil
}

func must[T any](answer T, err error) T {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return answer
}

func main() {
	source, target, key := os.Args[1], os.Args[2], os.Args[3]
	must(0, upload(key, source))
	must(0, os.WriteFile(target, must(download(key)), 0o600))
	body := must(os.ReadFile(source))
	report := map[string]any{
		"batch":     must(batch(key, "../secret")),
		"form":      must(uploadByForm(body)),
		"multipart": must(uploadInParts(key+".parts", body)),
		"forbidden": must(refusal("nobodys", key)),
		"invalid":   must(refusal(bucket, "../secret")),
	}
	fmt.Println(string(must(json.Marshal(report))))
}
