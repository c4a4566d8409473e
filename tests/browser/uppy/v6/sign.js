import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'

export function uploader(presign, token) {
  // Uppy tells a request's key and not whose file it is, so each file's first key is its own id.
  const uppy = new Uppy()
  async function signRequest(request) {
    const file = uppy.getFile(request.key)
    const told = file && { key: file.name, contentType: file.type, contentLength: file.size }
    const reply = await fetch(`${presign}/uppy/sign`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...request, ...told }),
    })
    const answer = await reply.json()
    if (!reply.ok) throw new Error(answer.detail)
    return answer
  }
  uppy.use(AwsS3, { signRequest, generateObjectKey: (file) => file.id })
  return uppy
}
