import { describe, expect, it } from 'vitest'

import { resolve } from '#localstack/cloud/intrinsics.ts'

const SCOPE = {
  ref: (id: string) => `ref-${id}`,
  attribute: (id: string, name: string) => `${id}/${name}`,
}

describe('intrinsic functions', () => {
  it.each([
    [{ Ref: 'Bucket' }, 'ref-Bucket'],
    [{ Ref: 'AWS::Region' }, 'us-east-1'],
    [{ Ref: 'AWS::NoValue' }, undefined],
    [{ 'Fn::GetAtt': ['Store', 'Arn'] }, 'Store/Arn'],
    [{ 'Fn::GetAtt': 'Store.Arn' }, 'Store/Arn'],
    [{ 'Fn::Join': ['-', ['a', { Ref: 'B' }, { 'Fn::Join': ['', ['c', 'd']] }]] }, 'a-ref-B-cd'],
    [{ 'Fn::Sub': 's3.${AWS::Region}.${Store.Arn}/${B}${!X}' }, 's3.us-east-1.Store/Arn/ref-B${X}'],
    [{ 'Fn::Sub': ['${A}-${B}', { A: { Ref: 'Q' } }] }, 'ref-Q-ref-B'],
    [{ 'Fn::Select': [1, { 'Fn::Split': [':', { 'Fn::Join': [':', ['x', 'y']] }] }] }, 'y'],
    [
      { a: [{ Ref: 'B' }, 1, null], b: { c: true } },
      { a: ['ref-B', 1, null], b: { c: true } },
    ],
  ])('%j is %j', (value, resolved) => {
    expect(resolve(value, SCOPE)).toEqual(resolved)
  })

  it('that are not known are errors', () => {
    expect(() => resolve({ 'Fn::If': ['A', 1, 2] }, SCOPE)).toThrow(
      'intrinsic function Fn::If is not known here',
    )
  })
})
