import { describe, expect, it } from 'vitest'
import { requestDeeds } from './request-deeds.ts'

const LIST = 's3:ListBucket arn:aws:s3:::b'
const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:store'
const QUEUE = { QueueUrl: 'http://127.0.0.1:1/000000000000/jobs' }

function linesOf(method: string, url: string, headers = {}, body?: object): string[] {
  const request = { method, url, headers, ...(body && { body: JSON.stringify(body) }) }
  const { deeds, whenAbsent } = requestDeeds(request)
  const lines = deeds.map(({ action, on }) => `${action} ${on}`)
  return whenAbsent ? [...lines, `or ${whenAbsent.action} ${whenAbsent.on}`] : lines
}

describe('the permissions of a request', () => {
  const one = (action: string): string => `s3:${action} arn:aws:s3:::b/a/k é`
  const KEY = '/b/a/k%20%C3%A9'
  it.each([
    ['GET', '/b?list-type=2&prefix=x', {}, [LIST]],
    ['HEAD', '/b', {}, [LIST]],
    ['GET', `${KEY}?x-id=GetObject`, {}, [one('GetObject'), `or ${LIST}`]],
    ['HEAD', KEY, {}, [one('GetObject'), `or ${LIST}`]],
    ['PUT', KEY, {}, [one('PutObject')]],
    ['PUT', KEY, { 'if-none-match': '*' }, [one('PutObject')]],
    ['PUT', KEY, { 'if-match': 'e' }, [one('PutObject'), one('GetObject')]],
    ['POST', `${KEY}?uploads`, {}, [one('PutObject')]],
    ['PUT', `${KEY}?partNumber=2&uploadId=u`, {}, [one('PutObject')]],
    ['POST', `${KEY}?uploadId=u`, {}, [one('PutObject')]],
    ['DELETE', `${KEY}?uploadId=u`, {}, [one('AbortMultipartUpload')]],
    ['DELETE', KEY, {}, [one('DeleteObject')]],
    [
      'POST',
      '/2021-11-15/functions/store/response-streaming-invocations',
      {},
      [`lambda:InvokeFunction ${FUNCTION}`],
    ],
    [
      'POST',
      '/2015-03-31/functions/store/invocations?Qualifier=live',
      {},
      [`lambda:InvokeFunction ${FUNCTION}:live`],
    ],
    [
      'POST',
      `/2015-03-31/functions/${encodeURIComponent(`${FUNCTION}:3`)}/invocations`,
      {},
      [`lambda:InvokeFunction ${FUNCTION}:3`],
    ],
  ])('%s %s %j', (method, url, headers, lines) => {
    expect(linesOf(method, url, headers)).toEqual(lines)
  })

  const CREATES = { 's3:ObjectCreationOperation': 'true' }
  const PREPARES = { 's3:ObjectCreationOperation': 'false' }
  it.each([
    ['PUT', '/b/k', {}, CREATES],
    ['PUT', '/b/k', { 'if-none-match': '*' }, { ...CREATES, 's3:if-none-match': '*' }],
    ['POST', '/b/k?uploads', {}, PREPARES],
    ['PUT', '/b/k?partNumber=2&uploadId=u', {}, PREPARES],
    ['POST', '/b/k?uploadId=u', {}, CREATES],
    ['POST', '/b/k?uploadId=u', { 'if-none-match': '*' }, { ...CREATES, 's3:if-none-match': '*' }],
    ['GET', '/b/k', { 'if-none-match': 'e' }, {}],
    ['DELETE', '/b/k', {}, {}],
  ])('comes with circumstances: %s %s %j', (method, url, headers, circumstances) => {
    expect(requestDeeds({ method, url, headers }).circumstances).toEqual(circumstances)
  })

  it('is read in the body where it is there', () => {
    const target = (name: string) => ({ 'x-amz-target': name })
    expect(linesOf('POST', '/', target('AmazonSQS.SendMessageBatch'), QUEUE)).toEqual([
      'sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:jobs',
    ])
    const secret = target('secretsmanager.GetSecretValue')
    expect(linesOf('POST', '/', secret, { SecretId: 'pager' })).toEqual([
      'secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:000000000000:secret:pager-AbCdEf',
    ])
  })

  it.each([
    ['POST', '/b?delete', {}],
    ['GET', '/b?location', {}],
    ['GET', '/b/k?uploadId=u', {}],
    ['GET', '/b/k?versionId=v', {}],
    ['PUT', '/b/k', { 'x-amz-copy-source': 'b/j' }],
    ['PUT', '/b/k', { 'x-amz-tagging': 'a=b' }],
    ['PUT', '/b', {}],
    ['POST', '/', { 'x-amz-target': 'AmazonSQS.PurgeQueue' }],
  ])('is not guessed: %s %s %j', (method, url, headers) => {
    expect(() => linesOf(method, url, headers, QUEUE)).toThrow(/is not known here/)
  })
})
