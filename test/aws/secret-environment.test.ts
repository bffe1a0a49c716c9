import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { describe, expect, it } from 'vitest'
import { parseSecretReferences, SecretEnvironment } from '#lib/aws/secret-environment.ts'

const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/am-AbCdEf'

type Answer = { SecretString?: string } | Error

/** Secrets by name, a clock that is turned by hand, and what was asked and said. */
function world(line: string, secrets: Record<string, Answer>) {
  const asked: string[] = []
  const logged: string[] = []
  const clock = { ms: 0, clients: 0 }
  const send = async ({ input }: { input: { SecretId: string } }): Promise<Answer> => {
    asked.push(input.SecretId)
    const answer = secrets[input.SecretId]
    if (answer === undefined) throw named('ResourceNotFoundException', "can't find it")
    if (answer instanceof Error) throw answer
    return answer
  }
  const environment = new SecretEnvironment({
    env: { HOME: '/', PASSWORD: 'of the environment' },
    references: parseSecretReferences(line),
    client: async () => {
      clock.clients++
      return { send } as unknown as SecretsManagerClient
    },
    now: () => clock.ms,
    log: (message) => void logged.push(message),
  })
  return { environment, secrets, asked, logged, clock }
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}

describe('the environment with secrets', () => {
  it('reads names, ARNs and keys of both', () => {
    expect(
      parseSecretReferences(` A=team/am, B=team/am:user ,C=${ARN},D=${ARN}:pass:word`),
    ).toEqual([
      { variable: 'A', secret: 'team/am', key: undefined },
      { variable: 'B', secret: 'team/am', key: 'user' },
      { variable: 'C', secret: ARN, key: undefined },
      { variable: 'D', secret: ARN, key: 'pass:word' },
    ])
    expect(() => parseSecretReferences('A=b,team/am')).toThrow(
      'THAW_RULE_SECRETS has "team/am", want NAME=secret or NAME=secret:key',
    )
  })

  it('is the environment itself where no secret is named, and nobody is asked', async () => {
    const { environment, clock } = world('', {})
    expect(await environment.read()).toEqual({ HOME: '/', PASSWORD: 'of the environment' })
    expect(clock.clients).toBe(0)
  })

  it('has the secrets under their variables, each secret asked for once', async () => {
    const { environment, asked, clock } = world(
      'USER=am:user,PASSWORD=am:password,PIN=am:pin,TOKEN=bearer',
      {
        am: { SecretString: '{"user":"thaw","password":"p: #\\n","pin":12}' },
        bearer: { SecretString: 'tok' },
      },
    )
    const want = { HOME: '/', USER: 'thaw', PASSWORD: 'p: #\n', PIN: '12', TOKEN: 'tok' }
    expect(clock.clients).toBe(0)
    expect(await environment.read()).toEqual(want)
    expect(asked).toEqual(['am', 'bearer'])
  })

  it('reads again after five minutes, and is the same object while nothing changed', async () => {
    const { environment, secrets, asked, clock } = world('PASSWORD=am', {
      am: { SecretString: 'first' },
    })
    const first = await environment.read()
    clock.ms = 299_999
    expect(await environment.read()).toBe(first)
    expect(asked).toHaveLength(1)
    clock.ms = 300_000
    expect(await environment.read()).toBe(first)
    expect(asked).toHaveLength(2)
    secrets['am'] = { SecretString: 'second' }
    clock.ms = 599_999
    expect((await environment.read())['PASSWORD']).toBe('first')
    clock.ms = 600_000
    const second = await environment.read()
    expect(second['PASSWORD']).toBe('second')
    expect(first['PASSWORD']).toBe('first')
    expect(clock.clients).toBe(1)
  })

  it('goes on with what it has while it can not be read again, and says so each time', async () => {
    const { environment, secrets, logged, asked, clock } = world('PASSWORD=am', {
      am: { SecretString: 'first' },
    })
    const first = await environment.read()
    secrets['am'] = named('InternalServiceError', 'try later')
    clock.ms = 300_000
    expect(await environment.read()).toBe(first)
    clock.ms = 360_000
    expect(await environment.read()).toBe(first)
    expect(asked).toHaveLength(3)
    const line =
      "secret am can't be read: InternalServiceError: try later; what was read before stays in use"
    expect(logged).toEqual([line, line])
  })

  it('is tried again after the first reading failed', async () => {
    const { environment, secrets } = world('PASSWORD=am', {})
    await expect(environment.read()).rejects.toThrow('secret am is not in Secrets Manager')
    secrets['am'] = { SecretString: 'made meanwhile' }
    expect((await environment.read())['PASSWORD']).toBe('made meanwhile')
  })

  it.each([
    ['am', {}, 'invalid', /^secret am is not in Secrets Manager of this region, or has no value: /],
    [
      'am',
      { am: named('AccessDeniedException', 'no identity-based policy allows it') },
      'unauthorized',
      /^secret am may not be read \(no identity-based policy allows it\): .* kms:Decrypt too$/,
    ],
    [
      'am',
      { am: named('TimeoutError', 'slow') },
      'unavailable',
      /^secret am can't be read: TimeoutError: slow$/,
    ],
    ['am', { am: {} }, 'invalid', /^secret am is binary: store it as text$/],
    [
      'am:password',
      { am: { SecretString: 'hunter2 is no JSON' } },
      'invalid',
      /^secret am is not a JSON object, and ":password" asks for one of its values$/,
    ],
    [
      'am:password',
      { am: { SecretString: '["hunter2"]' } },
      'invalid',
      /^secret am is not a JSON object, /,
    ],
    [
      'am:toString',
      { am: { SecretString: '{"password":"hunter2"}' } },
      'invalid',
      /^secret am has no text under the key toString$/,
    ],
    [
      'am:password',
      { am: { SecretString: '{"password":{"is":"hunter2"}}' } },
      'invalid',
      /^secret am has no text under the key password$/,
    ],
  ])(
    'names the secret %s that is no use, and never quotes it',
    async (name, secrets, kind, text) => {
      const { environment } = world(`PASSWORD=${name}`, secrets)
      const error: unknown = await environment.read().catch((reason: unknown) => reason)
      expect(error).toMatchObject({ kind, message: expect.stringMatching(text) })
      expect(`${(error as Error).stack} ${String((error as Error).cause)}`).not.toContain('hunter2')
    },
  )
})
