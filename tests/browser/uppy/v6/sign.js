import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

export function uploader(presign, token) {
  // Uppy passes a request's key but not its file, so each file's first key is its own id.
  const uppy = new Uppy()
  async function signRequest(request) {
    const file = uppy.getFile(request.key)
    const details = file && { key: file.name, contentType: file.type, contentLength: file.size }
    const reply = await fetch(`${presign}/uppy/sign`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, ...details }),
    })
    const answer = await reply.json()
    if (!reply.ok) throw new Error(answer.detail)
    return answer
  }
  uppy.use(AwsS3, { signRequest, generateObjectKey: (file) => file.id })
  return uppy
}
