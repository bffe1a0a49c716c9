/**
 * Which permissions a request to AWS takes, by what is seen of it on the wire. Sources: AWS's Service Authorization Reference, and S3's
 * list of the permissions of its operations.
 */
import { functionArn } from '#localstack/cloud/function-name.ts'
import { ACCOUNT, REGION } from '#localstack/cloud/intrinsics.ts'
import type { Deed } from './allowance.ts'
import type { Circumstances } from './bucket-policy.ts'

export interface AwsRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Where the resource is named in it: of requests with `x-amz-target`. */
  readonly body?: string
}

export type Service = 's3' | 'other'

export interface RequestDeeds {
  readonly service: Service
  readonly deeds: readonly Deed[]
  /** Of S3: what is taken besides where the answer is that there is no such object. Without it, S3 says 403 and not 404. */
  readonly whenAbsent?: Deed | undefined
  /** Of S3: what the request says that its bucket's policy may ask about. */
  readonly circumstances: Circumstances
}

const OTHER = { service: 'other', circumstances: {} } as const

const INVOKE =
  /^\/(?:2015-03-31|2021-11-15)\/functions\/([^/]+)\/(?:invocations|response-streaming-invocations)$/

/** Throws at a request that is not known here. */
export function requestDeeds(request: AwsRequest): RequestDeeds {
  const { pathname, searchParams } = new URL(request.url, 'http://aws')
  const target = request.headers['x-amz-target']
  if (typeof target === 'string') {
    return { ...OTHER, deeds: [targetDeed(target, request.body ?? '')] }
  }
  const invoked = INVOKE.exec(pathname)
  if (invoked !== null && request.method === 'POST') {
    const on = invokedArn(decodeURIComponent(invoked[1]!), searchParams.get('Qualifier'))
    // With a stream as the answer it is the same permission.
    return { ...OTHER, deeds: [{ action: 'lambda:InvokeFunction', on }] }
  }
  return s3Deeds(request, pathname, searchParams)
}

/** A version or an alias is a resource of its own. */
function invokedArn(reference: string, qualifier: string | null): string {
  const arn = reference.startsWith('arn:') ? reference : functionArn(reference)
  return qualifier === null ? arn : `${arn}:${qualifier}`
}

function targetDeed(target: string, body: string): Deed {
  const sent = JSON.parse(body) as { readonly QueueUrl?: string; readonly SecretId?: string }
  switch (target) {
    case 'AmazonSQS.SendMessage':
    case 'AmazonSQS.SendMessageBatch': {
      const name = sent.QueueUrl!.slice(sent.QueueUrl!.lastIndexOf('/') + 1)
      return { action: 'sqs:SendMessage', on: `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}` }
    }
    case 'secretsmanager.GetSecretValue': {
      const id = sent.SecretId!
      const prefix = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:`
      // Secrets Manager puts six characters behind a name.
      return {
        action: 'secretsmanager:GetSecretValue',
        on: id.startsWith('arn:') ? id : `${prefix}${id}-AbCdEf`,
      }
    }
    default:
      throw new Error(`${target} is not known here: say which permission it takes`)
  }
}

const KNOWN_QUERY = new Set([
  'x-id',
  'list-type',
  'prefix',
  'delimiter',
  'start-after',
  'continuation-token',
  'uploads',
  'uploadId',
  'partNumber',
])

/** Only what makes an object is asked for conditions: a new upload and its parts can't have any. */
function writeCircumstances(
  { method, headers }: AwsRequest,
  query: URLSearchParams,
): Circumstances {
  if (method !== 'PUT' && method !== 'POST') return {}
  const makes = method === 'PUT' ? !query.has('partNumber') : query.has('uploadId')
  const condition = headers['if-none-match']
  return {
    's3:ObjectCreationOperation': String(makes),
    ...(typeof condition === 'string' && { 's3:if-none-match': condition }),
  }
}

function s3Deeds(request: AwsRequest, pathname: string, query: URLSearchParams): RequestDeeds {
  const { method, headers } = request
  const [bucket = '', ...rest] = pathname.slice(1).split('/')
  const key = decodeURIComponent(rest.join('/'))
  const listing = { action: 's3:ListBucket', on: `arn:aws:s3:::${bucket}` }
  const one = (action: string): Deed => ({ action, on: `arn:aws:s3:::${bucket}/${key}` })
  const all = (deeds: readonly Deed[]): RequestDeeds => ({
    service: 's3',
    deeds,
    circumstances: writeCircumstances(request, query),
  })

  const more = [...query.keys()].find((name) => !KNOWN_QUERY.has(name))
  const extra = ['x-amz-copy-source', 'x-amz-tagging', 'x-amz-acl'].find((name) => headers[name])
  if (more === undefined && extra === undefined) {
    if (key === '' && (method === 'GET' || method === 'HEAD')) return all([listing])
    if (key !== '' && !query.has('uploads') && (method === 'GET' || method === 'HEAD')) {
      if (!query.has('uploadId')) {
        return { ...all([one('s3:GetObject')]), whenAbsent: listing }
      }
    }
    if (key !== '' && (method === 'PUT' || method === 'POST')) {
      // S3 tells with it what the object is like, and asks for the right to know: documented for conditional deletes.
      const compared = typeof headers['if-match'] === 'string' ? [one('s3:GetObject')] : []
      return all([one('s3:PutObject'), ...compared])
    }
    if (key !== '' && method === 'DELETE') {
      const action = query.has('uploadId') ? 's3:AbortMultipartUpload' : 's3:DeleteObject'
      return all([one(action)])
    }
  }
  const why = more ?? extra ?? pathname
  throw new Error(`${method} ${pathname} (${why}) is not known here: say which permission it takes`)
}
