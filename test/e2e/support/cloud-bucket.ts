/**
 * The bucket of a suite on the embedded cloud: in MinIO, where each function does what its role may, and no more. Where no MinIO can be
 * had it is a directory, and the last step of `npm test` says so.
 */
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { mkdtemp, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bucket } from '#lib/bucket/bucket.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'
import type { S3Config } from '#lib/bucket/objstore-config.ts'
import { isMissing } from '#test/peer/cache.ts'
import { s3ClientOf } from '#test/peer/s3-server.ts'
import type { NoRoles } from '#test/policies/rights-record.ts'
import { WITHOUT_ROLES, type WithoutRoles } from '#test/policies/without-roles.ts'
import type { Assembly } from './local-cloud.ts'
import { type RoleBucket, type Roles, startRoleBucket, type Transport } from './roles.ts'

/** What functions are told of their bucket. */
export interface CloudStore {
  /** Thanos's YAML for programs that may everything. */
  readonly objstore: string
  /** Of a stack, or of the agent alone, each time with a gate of their own. */
  readonly roles: ((assembly?: Assembly, transport?: Transport) => Promise<Roles>) | NoRoles
}

export interface CloudBucket extends CloudStore {
  /** Past all policies. */
  readonly bucket: Bucket
  /** As if the object had been put so long ago. */
  age(key: string, agoMs: number): Promise<void>
  stop(): Promise<void>
}

/** With a choice it is a directory, and its functions have no roles. */
export async function startCloudBucket(choice?: WithoutRoles): Promise<CloudBucket> {
  if (choice) return directoryBucket({ missing: WITHOUT_ROLES[choice], choice })
  const roleBucket = await startRoleBucket()
  return isMissing(roleBucket) ? directoryBucket(roleBucket) : withRoles(roleBucket)
}

/** For functions that have no roles. */
export function storeWithoutRoles(choice: WithoutRoles, objstore: string): CloudStore {
  return { objstore, roles: { missing: WITHOUT_ROLES[choice], choice } }
}

export function directoryObjstore(directory: string): string {
  return `type: FILESYSTEM\nconfig:\n  directory: ${JSON.stringify(directory)}\n`
}

async function directoryBucket(roles: NoRoles): Promise<CloudBucket> {
  const directory = await mkdtemp(join(tmpdir(), 'thaw-cloud-bucket-'))
  return {
    bucket: fileBucket(directory),
    objstore: directoryObjstore(directory),
    roles,
    async age(key, agoMs) {
      const then = new Date(Date.now() - agoMs)
      await utimes(join(directory, key), then, then)
    },
    stop: () => rm(directory, { recursive: true, force: true }),
  }
}

function withRoles(all: RoleBucket): CloudBucket {
  const { bucket, s3, server } = all
  return {
    bucket,
    objstore: s3Objstore(s3),
    roles: (assembly) => all.roles(assembly),
    async age(key, agoMs) {
      const { body } = await bucket.get(key)
      const client = s3ClientOf(server)
      // MinIO's own, for copies of objects that keep their time.
      const mtime = new Date(Date.now() - agoMs).toISOString()
      client.middlewareStack.add(
        (next) => (call) => {
          const { headers } = call.request as { headers: Record<string, string> }
          headers['x-minio-source-mtime'] = mtime
          return next(call)
        },
        { step: 'build' },
      )
      await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: key, Body: body }))
      client.destroy()
    },
    stop: () => all.stop(),
  }
}

function s3Objstore({ bucket, endpoint, region, accessKey, secretKey }: S3Config): string {
  const keys = { access_key: accessKey, secret_key: secretKey }
  const config = { bucket, endpoint, region, insecure: true, ...keys }
  return JSON.stringify({ type: 'S3', config })
}
