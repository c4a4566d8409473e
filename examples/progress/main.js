import { upload } from './presign/presign.js' // with Vite: from 'presign-client'

const service = { url: 'http://127.0.0.1:8000', token: () => 'demo', bucket: 'demo' } // the demo's PORT
const [input, bar, pause, status] = ['input', 'progress', 'button', 'p'].map((name) => document.querySelector(name))

input.addEventListener('change', async () => {
  const [file] = input.files
  const key = `uploads/user-ann/${file.name}`
  const stop = new AbortController()
  const onProgress = ({ sent, total }) => { bar.value = sent / (total || 1) }
  pause.onclick = () => stop.abort()
  try {
    await upload(file, { ...service, key, onProgress, resume: localStorage, signal: stop.signal })
    status.textContent = `Stored: ${file.name}`
  } catch (error) {
    status.textContent = stop.signal.aborted ? 'Paused. Choose the file again to go on.' : error.message
  }
  input.value = '' // so that the same file can be chosen again
})
