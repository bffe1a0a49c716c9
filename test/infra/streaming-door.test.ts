import { describe, expect, it } from 'vitest'

import { plain, resourceOf, resourcesOf, synthesize } from './synthesized.ts'

function variables(template: ReturnType<typeof synthesize>, id: string): Record<string, string> {
  const { Environment } = plain(resourceOf(template, 'AWS::Lambda::Function', id).Properties) as {
    Environment: { Variables: Record<string, string> }
  }
  return Environment.Variables
}

describe('the streaming door', () => {
  it('is not there unless it is wanted', () => {
    const template = synthesize()
    expect(resourcesOf(template, 'AWS::Lambda::Url')).toEqual({})
    expect(variables(template, 'QueryFunction')).not.toHaveProperty('THAW_STREAM_URL')
    expect(template.findOutputs('StreamUrl')).toEqual({})
  })

  it('streams, has the longest time there is, and asks for tokens itself', () => {
    const template = synthesize({ streamingDoor: true, queryFlags: '--query.timeout=1m' })
    const [url] = Object.values(resourcesOf(template, 'AWS::Lambda::Url'))
    expect(plain(url!.Properties)).toMatchObject({
      AuthType: 'NONE',
      InvokeMode: 'RESPONSE_STREAM',
    })
    expect(
      resourceOf(template, 'AWS::Lambda::Function', 'StreamFunction').Properties,
    ).toMatchObject({ FunctionName: 'thaw-stream', Timeout: 900, MemorySize: 1769 })
    expect(variables(template, 'StreamFunction')).toMatchObject({
      THAW_QUERY_DEADLINE_MS: '870000',
      THAW_QUERY_FLAGS: '--query.timeout=870s --query.timeout=1m',
      THAW_VERIFY_TOKENS: 'true',
    })
  })

  it('leaves it to IAM where callers sign', () => {
    const template = synthesize({ streamingDoor: true, authorizer: 'iam' })
    const [url] = Object.values(resourcesOf(template, 'AWS::Lambda::Url'))
    expect(url!.Properties).toMatchObject({ AuthType: 'AWS_IAM' })
    expect(variables(template, 'StreamFunction')).not.toHaveProperty('THAW_VERIFY_TOKENS')
  })

  it('is told of: to operators, and to who gets an answer that is too large', () => {
    const template = synthesize({ streamingDoor: true })
    const { Value } = template.findOutputs('StreamUrl')['StreamUrl'] as { Value: unknown }
    expect(plain(Value)).toMatch(/\.FunctionUrl$/)
    expect(variables(template, 'QueryFunction')['THAW_STREAM_URL']).toBe(plain(Value))
  })
})
