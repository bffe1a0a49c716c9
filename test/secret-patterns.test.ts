import { describe, expect, it } from 'vitest'
import { secretsIn } from './secret-patterns.ts'

describe('secrets in a line', () => {
  it.each([
    ['thaw_01J00000000000000000000000_abcdefgh', 'the text of a token'],
    ['{"hash":"n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="}', 'the hash of a secret'],
    ['authorization: Basic Z3JhZmFuYTp4', 'basic credentials'],
    ['authorization: bearer abc.defghi', 'a bearer token'],
    ['AWS4-HMAC-SHA256 Credential=AKIA/20260101/', 'a signature of AWS'],
    ['config: {secret_key: abcdef}', 'a key in YAML or JSON'],
    ['{"password":"abcdef"}', 'a key in YAML or JSON'],
    ['https://user:word@alerts.example/', 'credentials in a URL'],
    ['-----BEGIN EC PRIVATE KEY-----', 'a private key'],
  ])('%s', (line, name) => {
    expect(secretsIn(line)).toEqual([name])
  })

  it('are not what only speaks of them', () => {
    for (const line of [
      '{"token":"01J00000000000000000000000","scope":"read"}',
      'the credentials are Basic, but no token',
      'secret_key: $(S3_SECRET)',
      'a password is missing',
      'https://alerts.example:9093/api',
    ]) {
      expect([line, secretsIn(line)]).toEqual([line, []])
    }
  })
})
