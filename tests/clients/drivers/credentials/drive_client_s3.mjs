import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

const [Bucket, own, neighbours] = process.argv.slice(2)
const s3 = new S3Client({})
for (const number of [0, 1, 2]) {
  const Key = own + number
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: 'hello' }))
  const found = await s3.send(new GetObjectCommand({ Bucket, Key }))
  if ((await found.Body.transformToString()) !== 'hello') throw new Error('another body')
}
console.log((await s3.send(new ListObjectsV2Command({ Bucket, Prefix: own }))).Contents.length)
try {
  await s3.send(new GetObjectCommand({ Bucket, Key: neighbours }))
} catch (error) {
  console.log(error.Code ?? error.name)
}
