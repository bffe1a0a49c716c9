/** An environment with secrets in it: variables that AWS Secrets Manager has the values of, read when they are needed and again while time goes by. */
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { DomainError } from '#lib/model/errors.ts'

export type Variables = Readonly<Record<string, string | undefined>>

export interface SecretReference {
  readonly variable: string
  /** Name or ARN. */
  readonly secret: string
  /** Of a secret that is a JSON object: which of its values. */
  readonly key: string | undefined
}

const WHAT = 'THAW_RULE_SECRETS'
const REFERENCE =
  /^([A-Za-z_]\w*)=(arn:[^:]+:secretsmanager:[^:]*:\d*:secret:[^:]+|[^:]+)(?::(.+))?$/

/** `NAME=secret`, or `NAME=secret:key` of one that is a JSON object; several with commas. Throws a DomainError 'invalid'. */
export function parseSecretReferences(line: string): readonly SecretReference[] {
  const items = line.split(',').map((item) => item.trim())
  return items
    .filter((item) => item !== '')
    .map((item) => {
      const found = REFERENCE.exec(item)
      if (!found) {
        const text = JSON.stringify(item)
        throw new DomainError('invalid', `${WHAT} has ${text}, want NAME=secret or NAME=secret:key`)
      }
      return { variable: found[1]!, secret: found[2]!, key: found[3] }
    })
}

export interface SecretEnvironmentParts {
  /** Without the secrets. */
  readonly env: Variables
  readonly references: readonly SecretReference[]
  /** Asked for only where there are references. */
  readonly client: () => Promise<SecretsManagerClient>
  /** Unix ms. */
  readonly now: () => number
  /** Told why a secret that was read before could not be read again. */
  readonly log: (message: string) => void
}

/** How long values are used before they are read again: a rotated secret is in use that much later. */
const MAX_AGE_MS = 5 * 60_000

export class SecretEnvironment {
  readonly #parts: SecretEnvironmentParts
  #client: SecretsManagerClient | undefined
  #read: Variables | undefined
  #readAtMs = 0

  constructor(parts: SecretEnvironmentParts) {
    this.#parts = parts
  }

  /**
   * The same object for as long as nothing changed. Rejects with a DomainError that names the secret where the first reading fails; values
   * that were read stay in use while they can't be read again.
   */
  async read(): Promise<Variables> {
    const { env, references, now, log } = this.#parts
    if (references.length === 0) return env
    if (this.#read !== undefined && now() - this.#readAtMs < MAX_AGE_MS) return this.#read
    try {
      const next: Variables = { ...env, ...(await this.#values()) }
      this.#readAtMs = now()
      if (references.some(({ variable }) => next[variable] !== this.#read?.[variable])) {
        this.#read = next
      }
    } catch (error) {
      if (this.#read === undefined) throw error
      log(`${(error as Error).message}; what was read before stays in use`)
    }
    return this.#read!
  }

  async #values(): Promise<Record<string, string>> {
    const { references } = this.#parts
    this.#client ??= await this.#parts.client()
    const client = this.#client
    const names = [...new Set(references.map(({ secret }) => secret))]
    const texts = await Promise.all(names.map((name) => readSecret(client, name)))
    return Object.fromEntries(
      references.map(({ variable, secret, key }) => {
        const text = texts[names.indexOf(secret)]!
        return [variable, key === undefined ? text : valueOf(text, secret, key)]
      }),
    )
  }
}

/** With the credentials and region of the function. */
export async function secretsManagerClient(): Promise<SecretsManagerClient> {
  const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager')
  return new SecretsManagerClient({
    maxAttempts: 2,
    // A tick has two minutes, and rules to evaluate.
    requestHandler: { connectionTimeout: 3000, requestTimeout: 5000, throwOnRequestTimeout: true },
  })
}

async function readSecret(client: SecretsManagerClient, name: string): Promise<string> {
  const { GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager')
  let text: string | undefined
  try {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: name }))
    text = answer.SecretString
  } catch (cause) {
    throw unreadable(name, cause as Error)
  }
  if (text === undefined) {
    throw new DomainError('invalid', `secret ${name} is binary: store it as text`)
  }
  return text
}

function unreadable(name: string, cause: Error): DomainError {
  switch (cause.name) {
    case 'ResourceNotFoundException':
      return new DomainError(
        'invalid',
        `secret ${name} is not in Secrets Manager of this region, or has no value: make it, or name another in ruleSecrets and deploy`,
        { cause },
      )
    case 'AccessDeniedException':
      return new DomainError(
        'unauthorized',
        `secret ${name} may not be read (${cause.message}): allow secretsmanager:GetSecretValue on it, which a deployment does for what ruleSecrets names; a secret under a key of your own needs kms:Decrypt too`,
        { cause },
      )
    default:
      return new DomainError(
        'unavailable',
        `secret ${name} can't be read: ${cause.name}: ${cause.message}`,
        { cause },
      )
  }
}

/** No complaint quotes the secret: not even JSON's own, which would. */
function valueOf(text: string, secret: string, key: string): string {
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch {
    object = undefined
  }
  if (typeof object !== 'object' || object === null || Array.isArray(object)) {
    throw new DomainError(
      'invalid',
      `secret ${secret} is not a JSON object, and ":${key}" asks for one of its values`,
    )
  }
  const value = Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined
  if (typeof value !== 'string' && typeof value !== 'number') {
    throw new DomainError('invalid', `secret ${secret} has no text under the key ${key}`)
  }
  return String(value)
}
