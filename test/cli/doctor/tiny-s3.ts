/** As much of S3 as the doctor asks of an empty bucket, and what may be wrong with it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface TinyS3Faults {
  /** An error document to requests of a method, or to all: `PUT`, `*`. */
  readonly errors?: Readonly<Record<string, readonly [status: number, code: string, more?: string]>>
  /** Of the bucket, in the header of every answer. */
  readonly region?: string
  readonly clockAheadMs?: number
  /** Conditions of writes hold for nobody. */
  readonly ignoresConditions?: boolean
  readonly hangs?: boolean
  /** Of the bucket; undefined: it has none. */
  readonly policy?: string
}

export interface TinyS3 {
  /** Objstore YAML. */
  readonly yaml: string
  /** The same without its address: as one in AWS, which AWS_ENDPOINT_URL_S3 can lead here. */
  readonly awsYaml: string
  readonly url: string
  stop(): Promise<void>
}

export async function startTinyS3(faults: TinyS3Faults): Promise<TinyS3> {
  const { errors = {}, region = 'us-east-1', clockAheadMs = 0 } = faults
  const objects = new Map<string, string>()
  let made = 0

  function answer(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { method = '', headers } = request
    const key = new URL(request.url ?? '/', 'http://s3').pathname.replace(/^\/metrics\/?/, '')
    const error = errors[method] ?? errors['*']
    const condition = conditionOf(objects.get(key), headers)
    if (request.url?.includes('policy')) {
      if (faults.policy === undefined)
        respond(response, method, 404, documentOf('NoSuchBucketPolicy', ''))
      else respond(response, method, 200, faults.policy)
    } else if (error) respond(response, method, error[0], documentOf(error[1], error[2] ?? ''))
    else if (method === 'HEAD') respond(response, method, 403, '')
    else if (method === 'GET' && key === '') respond(response, method, 200, LISTING)
    else if (method === 'GET') {
      const there = objects.get(key)
      if (there === undefined) respond(response, method, 404, documentOf('NoSuchKey', ''))
      else respond(response, method, 200, body, { etag: `"${there}"` })
    } else if (method === 'DELETE') {
      objects.delete(key)
      respond(response, method, 204, '')
    } else if (!condition && !faults.ignoresConditions) {
      respond(response, method, 412, documentOf('PreconditionFailed', ''))
    } else {
      objects.set(key, `e${++made}`)
      respond(response, method, 200, '', { etag: `"e${made}"` })
    }
  }

  function respond(
    response: ServerResponse,
    method: string,
    status: number,
    body: string,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    response.writeHead(status, {
      'content-type': 'application/xml',
      'x-amz-bucket-region': region,
      date: new Date(Date.now() + clockAheadMs).toUTCString(),
      ...headers,
    })
    response.end(method === 'HEAD' ? undefined : body)
  }

  const server = createServer((request, response) => {
    if (faults.hangs) return
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => answer(request, response, Buffer.concat(parts).toString()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const keys = 'region: us-east-1, access_key: AKIAKEY, secret_key: very-secret'
  return {
    url: `http://127.0.0.1:${port}`,
    awsYaml: `{type: S3, config: {bucket: metrics, ${keys}}}`,
    yaml: `{type: S3, config: {bucket: metrics, endpoint: '127.0.0.1:${port}', insecure: true, ${keys}}}`,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const LISTING = `<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult><Name>metrics</Name><IsTruncated>false</IsTruncated></ListBucketResult>`

function documentOf(code: string, more: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>${code}</Code><Message>Words.</Message>${more}<RequestId>R1</RequestId></Error>`
}

function conditionOf(etag: string | undefined, headers: IncomingMessage['headers']): boolean {
  if (headers['if-none-match'] === '*') return etag === undefined
  const wanted = headers['if-match']?.replaceAll('"', '')
  return wanted === undefined || wanted === etag
}
