import AwsS3 from '@uppy/aws-s3-multipart'
import Uppy from '@uppy/core'

export function uploader(presign, token) {
  const uppy = new Uppy()
  uppy.use(AwsS3, {
    companionUrl: `${presign}/uppy`,
    companionHeaders: { authorization: `Bearer ${token}` },
  })
  const meta = (file) => ({ contentLength: file.size, uploadMethod: 'PUT' })
  uppy.on('file-added', (file) => uppy.setFileMeta(file.id, meta(file)))
  return uppy
}
