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
import { templateRoles } from '#test/policies/template-roles.ts'
import { isMissing, type Missing } from '#test/peer/cache.ts'
import { findMinio, startMinio } from '#test/peer/minio.ts'
import { sessionsBoundedBy } from '#test/peer/minio-session.ts'
import { findMoto } from '#test/peer/moto.ts'
import { createBucket } from '#test/peer/s3-server.ts'
import type { Assembly } from './local-cloud.ts'

const BUCKET = 'metrics'
export const AGENT = 'agent'

export interface Roles {
  readonly gate: ActionGate
  /** By name of a function, and `agent`. */
  readonly granted: ReadonlyMap<string, readonly Allowance[]>
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

/** What is in packaging/aws, for this bucket. */
export function agentAllowances(bucket: string): Allowance[] {
  const url = new URL('../../../packaging/aws/agent-policy.json', import.meta.url)
  const text = readFileSync(url, 'utf8').replaceAll('BUCKET', bucket)
  return allowancesOf((JSON.parse(text) as { readonly Statement: readonly Statement[] }).Statement)
}

/** MinIO as S3. Moto has the client for its sessions. Without an assembly there is the agent alone. */
export async function startRoles(assembly?: Assembly): Promise<Roles | Missing> {
  const [minio, moto] = [await findMinio(), await findMoto()]
  if (isMissing(minio)) return minio
  if (isMissing(moto)) return moto
  const granted = assembly ? templateRoles(assembly.dir, BUCKET) : new Map<string, Allowance[]>()
  granted.set(AGENT, agentAllowances(BUCKET))
  const server = await startMinio(minio)
  try {
    const s3 = await createBucket(server, BUCKET)
    const names = [...granted.keys()]
    const policies = names.map((name) => policyDocument(s3Of(granted.get(name)!)))
    const sessions = await sessionsBoundedBy(policies, server, moto)
    const gate = await startActionGate(server)
    for (const [i, name] of names.entries()) {
      const accessKey = sessions[i]!.AWS_ACCESS_KEY_ID
      gate.admit({ name, accessKey, allowances: granted.get(name)! })
    }
    const config = { bucket: BUCKET, endpoint: gate.host, region: 'us-east-1', insecure: true }
    return {
      gate,
      granted,
      bucket: await openBucket({ type: 'S3', s3, prefix: '', ignored: [] }),
      s3: config,
      objstore: JSON.stringify({ type: 'S3', config }),
      environmentOf: (name) => ({ ...sessions[names.indexOf(name)]! }),
      troubles: () => [
        ...gate.takeRefused().map(({ who, action, on }) => `${who}: ${action} on ${on}`),
        ...gate.disputes,
      ],
      async stop() {
        await gate.stop()
        await server.stop()
      },
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** MinIO takes no statement about another service. */
function s3Of(allowances: readonly Allowance[]): Allowance[] {
  return allowances.filter(({ action }) => action.startsWith('s3:'))
}

/** For `front` of the embedded cloud. */
export function frontedBy(gate: ActionGate): (awsUrl: string) => string {
  return (awsUrl) => {
    gate.aws(awsUrl)
    return gate.url
  }
}
