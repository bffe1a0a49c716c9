/** Asks a running, empty Prometheus everything of requests.ts: `node test/api/golden/record.ts http://127.0.0.1:9090 "Prometheus 3.14.0"`. */
import { writeFile } from 'node:fs/promises'
import { REQUESTS, type Golden, type GoldenAnswer } from './requests.ts'

const [, , url, server] = process.argv
if (url === undefined || server === undefined) throw new Error('record.ts <url> <server>')

const answers: GoldenAnswer[] = []
for (const request of REQUESTS) {
  const response = await fetch(url + request.path, {
    method: request.method ?? 'GET',
    ...(request.body === undefined ? {} : { body: request.body }),
    headers: request.contentType === undefined ? {} : { 'content-type': request.contentType },
  })
  answers.push({
    ...request,
    status: response.status,
    type: response.headers.get('content-type'),
    allow: response.headers.get('allow'),
    answer: await response.text(),
  })
}

const golden: Golden = {
  server,
  command: 'prometheus --config.file=empty.yml --storage.tsdb.path=<new directory>',
  answers,
}
const file = new URL('prometheus-3.14.0.json', import.meta.url)
await writeFile(file, `${JSON.stringify(golden, null, 2)}\n`)
