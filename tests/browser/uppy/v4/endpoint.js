import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

// `presign` is the address of the service, `token` the user's API key or JWT.
export function uploader(presign, token) {
  const uppy = new Uppy()
  uppy.use(AwsS3, {
    endpoint: `${presign}/uppy`,
    headers: { authorization: `Bearer ${token}` },
  })
  // Uppy does not send the file's size by itself; with it, a file that is too large is refused before it is sent.
  // `uploadMethod` says that this page's Uppy can send a file by PUT: Uppy 6 with `companionEndpoint` cannot.
  const meta = (file) => ({ contentLength: file.size, uploadMethod: 'PUT' })
  uppy.on('file-added', (file) => uppy.setFileMeta(file.id, meta(file)))
  return uppy
}
