import { openAsBlob } from 'node:fs'

const [action, address, file] = process.argv.slice(2)
const key = { authorization: `Bearer ${process.env.PRESIGN_TOKEN}` }
const sent = ['PUT', 'create'].includes(action) ? { body: await openAsBlob(file) } : {}
const method = { create: 'PUT', Range: 'GET' }[action] ?? action
const more = { create: { 'if-none-match': '*' }, Range: { range: 'bytes=2-5' } }[action]
const answer = await fetch(address, { method, headers: { ...key, ...more }, ...sent })
if (!answer.ok) throw new Error(`status ${answer.status}`)
process.stdout.write(action === 'HEAD' ? answer.headers.get('content-length') : await answer.text())
