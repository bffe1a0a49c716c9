import { describe, expect, it } from 'vitest'
import { denialOf, denialsOf, type PolicyStatement } from './bucket-policy.ts'

const STATEMENT: PolicyStatement = {
  Effect: 'Deny',
  Principal: { AWS: '*' },
  Action: 's3:PutObject',
  Resource: ['arn:aws:s3:::b/a/*'],
}
const PUT = { action: 's3:PutObject', on: 'arn:aws:s3:::b/a/k' }

describe('denialOf', () => {
  it.each([
    [{}, {}, true],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, { 'aws:SecureTransport': 'false' }, true],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, { 'aws:SecureTransport': 'true' }, false],
    [{ Bool: { 'aws:SecureTransport': 'false' } }, {}, false],
    [{ NumericLessThan: { 's3:TlsVersion': 1.2 } }, { 's3:TlsVersion': '1.1' }, true],
    [{ NumericLessThan: { 's3:TlsVersion': '1.2' } }, { 's3:TlsVersion': '1.2' }, false],
    [{ NumericLessThan: { 's3:TlsVersion': '1.2' } }, {}, false],
    [{ Null: { 's3:if-none-match': 'true' } }, {}, true],
    [{ Null: { 's3:if-none-match': 'true' } }, { 's3:if-none-match': '*' }, false],
    [{ Null: { 's3:if-none-match': 'false' } }, { 's3:if-none-match': '*' }, true],
    [
      { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      { 's3:ObjectCreationOperation': 'false' },
      false,
    ],
    [
      { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      { 's3:ObjectCreationOperation': 'true' },
      true,
    ],
  ])('%j refuses %j: %j', (Condition, circumstances, refuses) => {
    const denials = denialsOf([{ ...STATEMENT, Condition }])
    expect(denialOf(denials, PUT, circumstances) !== undefined).toBe(refuses)
  })

  it('is about the actions and objects that it names', () => {
    const denials = denialsOf([
      { ...STATEMENT, Sid: 'Once' },
      { ...STATEMENT, Action: 's3:*' },
    ])
    expect(denialOf(denials, PUT, {})?.name).toBe('Once')
    expect(denialOf(denials, { ...PUT, action: 's3:GetObject' }, {})?.name).toBe('')
    expect(denialOf(denials, { ...PUT, on: 'arn:aws:s3:::b/k' }, {})).toBeUndefined()
  })
})

describe('denialsOf', () => {
  it.each([
    { ...STATEMENT, Effect: 'Allow' },
    { ...STATEMENT, Principal: { AWS: 'arn:aws:iam::1:root' } },
    { ...STATEMENT, NotAction: 's3:GetObject' },
    { ...STATEMENT, Condition: { StringLike: { 's3:prefix': 'a' } } },
    { ...STATEMENT, Condition: { Bool: { 'aws:ViaAWSService': 'true' } } },
  ])('does not guess what %j means', (statement) => {
    expect(() => denialsOf([statement as PolicyStatement])).toThrow('not understood')
  })
})
