/** The deployed ruler shows an Alertmanager a password of Secrets Manager, which is in no environment and in no log. */
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { parseSecretReferences, SecretEnvironment } from '#lib/aws/secret-environment.ts'
import { RULE_FILES_PREFIX } from '#lib/rules/file/rule-files.ts'
import { tick } from '#localstack/rules.ts'
import { isMissing } from '#test/peer/cache.ts'
import { findMoto, startMoto } from '#test/peer/moto.ts'
import { describeSkipped } from '#test/peer/skip-report.ts'
import { startCloudBucket } from './support/cloud-bucket.ts'
import { startLocalCloud, synthesiseStack } from './support/local-cloud.ts'

const SECRET = 'hunter2: #"\n'
const RULES = 'groups: [{name: g, rules: [{alert: Firing, expr: vector(1)}]}]'

const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.toReversed()) await end()
})

const moto = await findMoto()
if (isMissing(moto)) {
  describeSkipped('the secrets of the deployed ruler', moto)
} else {
  const server = await startMoto(moto)
  ends.push(() => server.stop())
  const endpoint = `http://${server.endpoint}`
  const client = new SecretsManagerClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  })
  ends.push(async () => client.destroy())

  it('shows a password that only Secrets Manager has', async () => {
    const { ARN } = await client.send(
      new CreateSecretCommand({
        Name: 'team/am',
        SecretString: JSON.stringify({ user: 'thaw', password: SECRET }),
      }),
    )
    const shown: (string | undefined)[] = []
    const receiver = createServer((request, response) => {
      shown.push(request.headers.authorization)
      request.resume().on('end', () => response.end())
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    ends.push(async () => receiver.close())
    const { port } = receiver.address() as AddressInfo
    const bucket = await startCloudBucket()
    ends.push(() => bucket.stop())
    const ruleSecrets = `AM_USER=team/am:user,AM_PASSWORD=${ARN}:password`
    const assembly = await synthesiseStack({ ruleSecrets })
    ends.push(() => assembly.remove())
    const config = `alertmanagers: [{static_configs: ["127.0.0.1:${port}"], http_config: {basic_auth: {username: $(AM_USER), password: $(AM_PASSWORD)}}}]`
    const local = await startLocalCloud({
      assembly,
      bucket,
      sliceBytes: 1e6,
      ruleFlags: `--alertmanagers.config='${config}'`,
      // Where there are roles, it is their gate that functions ask.
      environment: isMissing(bucket.roles) ? { AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint } : {},
    })
    local.roles?.gate.secrets(endpoint)
    ends.push(() => local.stop())
    await local.plan()
    const key = `${RULE_FILES_PREFIX}r.yaml`
    await bucket.bucket.put(key, Buffer.from(RULES))
    await bucket.age(key, 180_000)

    expect(await tick(local.cloud)).toMatchObject({ outcome: 'done', problems: [] })
    const basic = `Basic ${Buffer.from(`thaw:${SECRET}`).toString('base64')}`
    expect([...new Set(shown)]).toEqual([basic])
    const log = local.log.join('\n')
    expect(log).toContain('evaluations of 1 group')
    expect(log).not.toContain('hunter2')
  })

  it('reads what a rotated secret is now', async () => {
    const clock = { ms: 0 }
    await client.send(new CreateSecretCommand({ Name: 'turned', SecretString: 'first' }))
    const environment = new SecretEnvironment({
      env: {},
      references: parseSecretReferences('TOKEN=turned'),
      client: async () => client,
      now: () => clock.ms,
      log: (message) => expect.unreachable(message),
    })
    expect(await environment.read()).toEqual({ TOKEN: 'first' })
    await client.send(new PutSecretValueCommand({ SecretId: 'turned', SecretString: 'second' }))
    expect(await environment.read()).toEqual({ TOKEN: 'first' })
    clock.ms = 300_000
    expect(await environment.read()).toEqual({ TOKEN: 'second' })
  })

  it('says which secret is missing', async () => {
    const environment = new SecretEnvironment({
      env: {},
      references: parseSecretReferences('TOKEN=nobody/made-it'),
      client: async () => client,
      now: () => 0,
      log: () => undefined,
    })
    await expect(environment.read()).rejects.toThrow(
      'secret nobody/made-it is not in Secrets Manager of this region',
    )
  })
}
