import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

// The page's own server forwards /uppy, and adds the user's Authorization.
export function uploader() {
  const uppy = new Uppy()
  uppy.use(AwsS3, { companionEndpoint: '/uppy' })
  uppy.on('file-added', (file) => uppy.setFileMeta(file.id, { contentLength: file.size }))
  return uppy
}
