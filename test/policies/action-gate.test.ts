import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { request } from 'node:https'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listenOnLoopback } from '#localstack/cloud/loopback.ts'
import { type ActionGate, startActionGate } from './action-gate.ts'
import { denialsOf } from './bucket-policy.ts'

const READ = { action: 's3:GetObject', on: 'arn:aws:s3:::b/a/*' }
const WRITE = { action: 's3:PutObject', on: 'arn:aws:s3:::b/a/*' }
const SEND = { action: 'sqs:SendMessage', on: 'arn:aws:sqs:us-east-1:000000000000:jobs' }

let gate: ActionGate
let server: Server
/** What the server behind it answers with. */
let status: number
let served: string[]

beforeEach(async () => {
  status = 200
  served = []
  server = createServer((request, response) => {
    served.push(`${request.method} ${request.url}`)
    request.resume()
    request.once('end', () => response.writeHead(status).end('answer'))
  })
  const endpoint = `127.0.0.1:${await listenOnLoopback(server, 0)}`
  gate = await startActionGate({ endpoint })
  gate.aws(`http://${endpoint}`)
  gate.admit({ name: 'plan', accessKey: 'AKPLAN', allowances: [READ, WRITE, SEND] })
})

afterEach(async () => {
  await gate.stop()
  server.close()
})

async function ask(method: string, path: string, init: RequestInit = {}) {
  const authorization = 'AWS4-HMAC-SHA256 Credential=AKPLAN/20260101/us-east-1/s3/aws4_request'
  const headers = { authorization, ...init.headers }
  const answer = await fetch(gate.url + path, { ...init, method, headers })
  return { status: answer.status, text: await answer.text() }
}

/** As S3 is asked. Gives the status. */
function askTls(path: string, { method = 'GET', headers = {} } = {}): Promise<number> {
  const authorization = 'AWS4-HMAC-SHA256 Credential=AKPLAN/20260101/us-east-1/s3/aws4_request'
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `https://${gate.tlsHost}${path}`,
      { method, ca: readFileSync(gate.caFile), headers: { authorization, ...headers } },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode ?? 0)
      },
    )
    outgoing.once('error', reject)
    outgoing.end()
  })
}

function done(): string[] {
  return (gate.done().get('plan') ?? []).map(({ action, on }) => `${action} ${on}`)
}

describe('the gate', () => {
  it('lets through and keeps what is done, once', async () => {
    expect(await ask('GET', '/b/a/k')).toEqual({ status: 200, text: 'answer' })
    await ask('GET', '/b/a/k')
    await ask('PUT', '/b/a/k', { body: 'x' })
    expect(done()).toEqual(['s3:GetObject arn:aws:s3:::b/a/k', 's3:PutObject arn:aws:s3:::b/a/k'])
    expect(gate.takeRefused()).toEqual([])
    expect(gate.disputes).toEqual([])
  })

  it('takes the right to list for what is absent', async () => {
    status = 404
    const { status: seen, text } = await ask('GET', '/b/a/k')
    expect([seen, text]).toEqual([403, expect.stringContaining('AccessDenied')])
    expect(done()).toEqual(['s3:GetObject arn:aws:s3:::b/a/k'])
    gate.admit({
      name: 'plan',
      accessKey: 'AKPLAN',
      allowances: [READ, { action: 's3:ListBucket', on: 'arn:aws:s3:::b' }],
    })
    expect((await ask('GET', '/b/a/k')).status).toBe(404)
    expect(done()).toContain('s3:ListBucket arn:aws:s3:::b')
  })

  it('leaves S3 to judge, and tells where that was of another mind', async () => {
    await ask('GET', '/b/other')
    expect(served).toHaveLength(1)
    expect(gate.takeRefused()).toEqual([
      { who: 'plan', action: 's3:GetObject', on: 'arn:aws:s3:::b/other' },
    ])
    status = 403
    await ask('PUT', '/b/a/k', { body: 'x' })
    expect(gate.disputes).toEqual([
      'plan: S3 let s3:GetObject on arn:aws:s3:::b/other pass',
      'plan: S3 refused s3:PutObject on arn:aws:s3:::b/a/k',
    ])
    // Who compares sees it as well.
    expect(done()).toEqual(['s3:GetObject arn:aws:s3:::b/other'])
  })

  it('refuses what nobody behind it would', async () => {
    gate.admit({ name: 'plan', accessKey: 'AKPLAN', allowances: [WRITE] })
    const answer = await ask('PUT', '/b/a/k', { body: 'x', headers: { 'if-match': 'e' } })
    expect(answer.status).toBe(403)
    expect(answer.text).toContain('not authorized to perform: s3:GetObject on resource')
    const headers = { 'x-amz-target': 'AmazonSQS.SendMessage' }
    const body = JSON.stringify({ QueueUrl: 'http://x/0/jobs', MessageBody: 'x' })
    expect((await ask('POST', '/', { headers, body })).status).toBe(403)
    expect(served).toEqual([])
  })

  it('has secrets for who may read them', async () => {
    const headers = { 'x-amz-target': 'secretsmanager.GetSecretValue' }
    const body = JSON.stringify({ SecretId: 'am' })
    expect((await ask('POST', '/', { headers, body })).status).toBe(403)
    const on = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:am-??????'
    const action = 'secretsmanager:GetSecretValue'
    gate.admit({ name: 'plan', accessKey: 'AKPLAN', allowances: [{ action, on }] })
    expect(await ask('POST', '/', { headers, body })).toMatchObject({ status: 200 })
    expect(done()).toEqual([`${action} ${on.replace('??????', 'AbCdEf')}`])
  })

  it('takes one right away for a while', async () => {
    gate.withhold('plan', READ)
    expect((await ask('GET', '/b/a/k')).status).toBe(403)
    expect((await ask('PUT', '/b/a/k', { body: 'x' })).status).toBe(200)
    gate.withhold()
    expect((await ask('GET', '/b/a/k')).status).toBe(200)
  })

  it('breaks uploads after their first part', async () => {
    gate.uploads('break')
    const part = (n: number) => ask('PUT', `/b/a/k?uploadId=u&partNumber=${n}`, { body: 'x' })
    expect([(await part(1)).status, (await part(2)).status]).toEqual([200, 400])
    gate.uploads('work')
    expect((await part(2)).status).toBe(200)
  })

  it('loses the answer to the end of an upload, once', async () => {
    gate.uploads('lose answers')
    const end = () => ask('POST', '/b/a/k?uploadId=u', { body: 'x' })
    expect([(await end()).status, (await end()).status]).toEqual([500, 200])
    expect(served).toHaveLength(2)
  })

  it('refuses what the policy of the bucket denies, whoever asks', async () => {
    gate.deny(
      denialsOf([
        {
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 's3:*',
          Resource: 'arn:aws:s3:::b/*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
        {
          Sid: 'Once',
          Effect: 'Deny',
          Principal: { AWS: '*' },
          Action: 's3:PutObject',
          Resource: 'arn:aws:s3:::b/a/*',
          Condition: { Null: { 's3:if-none-match': 'true' } },
        },
      ]),
    )
    const plain = await ask('GET', '/b/a/k')
    expect(plain.status).toBe(403)
    expect(plain.text).toContain('with an explicit deny in a resource-based policy')
    const once = { method: 'PUT', headers: { 'if-none-match': '*' } }
    expect([await askTls('/b/a/k'), await askTls('/b/a/k', { method: 'PUT' })]).toEqual([200, 403])
    expect(await askTls('/b/a/k', once)).toBe(200)
    const who = 'plan'
    const on = 'arn:aws:s3:::b/a/k'
    expect(gate.takeRefused()).toEqual([
      { who, action: 's3:GetObject', on, statement: 'aws:SecureTransport' },
      { who, action: 's3:PutObject', on, statement: 'Once' },
    ])
    expect(served).toHaveLength(2)
  })

  it('tells of requests that it does not know', async () => {
    expect((await ask('POST', '/b?delete', { body: 'x' })).status).toBe(500)
    expect(gate.disputes).toEqual([expect.stringMatching(/is not known here/) as string])
  })
})
