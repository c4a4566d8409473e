import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

// `presign` is the service's address, `token` what it knows the user by.
export function uploader(presign, token) {
  const uppy = new Uppy()
  uppy.use(AwsS3, {
    endpoint: `${presign}/uppy`,
    headers: { authorization: `Bearer ${token}` },
  })
  // Uppy tells no file's length by itself; told, one that is too long is refused before it is sent.
  uppy.on('file-added', (file) => uppy.setFileMeta(file.id, { contentLength: file.size }))
  return uppy
}
