/** A bucket in an S3 server in which each function of the stack, and the agent, may do what its policy says and no more. */
import { readFileSync } from 'node:fs'
import { openBucket } from '#lib/aws/open-bucket.ts'
import type { Bucket } from '#lib/bucket/bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { type ActionGate, startActionGate } from '#test/policies/action-gate.ts'
import {
  type Allowance,
  allowancesOf,
  policyDocument,
  type Statement,
} from '#test/policies/allowance.ts'
import { type Denial, denialsOf } from '#test/policies/bucket-policy.ts'
import { templateDenials, templateRoles } from '#test/policies/template-roles.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { type SessionCredentials, sessionsBoundedBy } from '#test/peer/minio-session.ts'
import { findMoto } from '#test/peer/moto.ts'
import { createBucket, type S3Server } from '#test/peer/s3-server.ts'
import type { Assembly } from './local-cloud.ts'

const BUCKET = 'metrics'
export const AGENT = 'agent'

type Granted = ReadonlyMap<string, readonly Allowance[]>
type Sessions = ReadonlyMap<string, SessionCredentials>

/** Of one stack, or of the agent alone. */
export interface Roles {
  readonly gate: ActionGate
  /** By name of a function, and `agent`. */
  readonly granted: Granted
  /** With every right, and past the gate. */
  readonly bucket: Bucket
  /** The bucket behind the gate; whose it is says `environmentOf`. */
  readonly s3: S3Config
  /** Thanos's YAML of it; credentials come from the environment, as on AWS. */
  readonly objstore: string
  /** Credentials of a function, or of the agent. */
  readonly environmentOf: (name: string) => Readonly<Record<string, string>>
  /** What was refused to whom since the last call, and disputes. */
  troubles(): string[]
  stop(): Promise<void>
}

export interface Transport {
  /** S3 is asked through TLS, and what the policy of the bucket says of that counts. */
  readonly tls?: boolean | undefined
}

export interface RoleBucket {
  /** With every right, and past all gates. */
  readonly bucket: Bucket
  /** Likewise, for other programs. */
  readonly s3: S3Config
  readonly server: S3Server
  /** With a gate of their own. Without an assembly there is the agent alone. */
  roles(assembly?: Assembly, transport?: Transport): Promise<Roles>
  stop(): Promise<void>
}

/** With the agent's credentials, through the gate. */
export function agentBucket({ s3, environmentOf }: Roles): Promise<Bucket> {
  const keys = environmentOf(AGENT)
  const own = {
    ...s3,
    accessKey: keys['AWS_ACCESS_KEY_ID'],
    secretKey: keys['AWS_SECRET_ACCESS_KEY'],
    sessionToken: keys['AWS_SESSION_TOKEN'],
    // The least that S3 takes.
    partSize: 5 * 1024 * 1024,
  }
  return openBucket({ type: 'S3', s3: own, prefix: '', ignored: [] })
}

/** What is in packaging/aws, for this bucket. */
function agentStatements(effect: 'Allow' | 'Deny'): readonly Statement[] {
  const url = new URL('../../../packaging/aws/agent-policy.json', import.meta.url)
  const text = readFileSync(url, 'utf8').replaceAll('BUCKET', BUCKET)
  const { Statement: all } = JSON.parse(text) as { readonly Statement: readonly Statement[] }
  return all.filter(({ Effect }) => Effect === effect)
}

/** MinIO as S3. Moto has the client for its sessions. */
export async function startRoleBucket(): Promise<RoleBucket | Missing> {
  const [minio, moto] = [await findMinio(), await findMoto()]
  if (isMissing(minio)) return minio
  if (isMissing(moto)) return moto
  const server = await startMinio(minio)
  const stop = (): Promise<void> => server.stop()
  try {
    const s3 = await createBucket(server, BUCKET)
    const bucket = await openBucket({ type: 'S3', s3, prefix: '', ignored: [] })
    const sessions = async (granted: Granted): Promise<Sessions> => {
      const policies = [...granted.values()].map((all) => policyDocument(s3Of(all)))
      const made = await sessionsBoundedBy(policies, server, moto)
      return new Map([...granted.keys()].map((name, i) => [name, made[i]!]))
    }
    // Of a stack, as long as it is the same.
    const kept = new Map<string, Promise<Sessions>>()
    return {
      bucket,
      s3,
      server,
      async roles(assembly, { tls = false } = {}) {
        const granted = new Map([
          ...(assembly ? templateRoles(assembly.dir, BUCKET) : []),
          [AGENT, allowancesOf(agentStatements('Allow'))],
        ])
        const key = assembly?.dir ?? ''
        if (!kept.has(key)) kept.set(key, sessions(granted))
        const denials = assembly ? templateDenials(assembly.dir, BUCKET) : []
        const all = { server, bucket, granted, sessions: await kept.get(key)! }
        return await rolesBehindGate({ ...all, denials, tls })
      },
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface RoleParts {
  readonly server: S3Server
  readonly bucket: Bucket
  readonly granted: Granted
  readonly sessions: Sessions
  readonly denials: readonly Denial[]
  readonly tls: boolean
}

async function rolesBehindGate(parts: RoleParts): Promise<Roles> {
  const { server, bucket, granted, sessions, denials, tls } = parts
  const gate = await startActionGate(server)
  gate.deny(tls ? denials : denials.filter((denial) => !isAboutTls(denial)))
  for (const [name, allowances] of granted) {
    const accessKey = sessions.get(name)!.AWS_ACCESS_KEY_ID
    const denied = name === AGENT ? denialsOf(agentStatements('Deny')) : []
    gate.admit({ name, accessKey, allowances, denials: denied })
  }
  const place = { bucket: BUCKET, region: 'us-east-1', endpoint: tls ? gate.tlsHost : gate.host }
  const { caFile } = gate
  const http_config = { tls_config: { ca_file: caFile } }
  const config = tls ? { ...place, http_config } : { ...place, insecure: true }
  return {
    gate,
    granted,
    bucket,
    s3: tls ? { ...place, http: { caFile } } : { ...place, insecure: true },
    objstore: JSON.stringify({ type: 'S3', config }),
    environmentOf: (name) => ({ ...sessions.get(name)! }),
    troubles: () => [
      ...gate
        .takeRefused()
        .map(
          ({ who, action, on, statement }) =>
            `${who}: ${action} on ${on}${statement === undefined ? '' : `, denied by ${statement}`}`,
        ),
      ...gate.disputes,
    ],
    stop: () => gate.stop(),
  }
}

function isAboutTls({ conditions }: Denial): boolean {
  return conditions.some(({ key }) => key === 'aws:SecureTransport' || key === 's3:TlsVersion')
}

/** MinIO takes no statement about another service. */
function s3Of(allowances: readonly Allowance[]): Allowance[] {
  return allowances.filter(({ action }) => action.startsWith('s3:'))
}
