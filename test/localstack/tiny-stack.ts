/** A synthesized stack written by hand, around functions of a few lines. */
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { startCloud } from '#localstack/cloud/embedded-cloud.ts'
import type { Cloud, CloudOptions } from '#localstack/cloud/embedded-cloud.ts'

export interface TinyFunction {
  /** An ES module that exports `handler`. */
  readonly code: string
  readonly properties?: Record<string, unknown>
}

export interface TinyStack {
  readonly functions: Record<string, TinyFunction>
  readonly resources?: Record<string, { Type: string; Properties: Record<string, unknown> }>
}

/** The directory that `cdk synth` would have written. */
export function writeAssembly({ functions, resources = {} }: TinyStack): string {
  const directory = mkdtempSync(join(tmpdir(), 'thaw-cloud-test-'))
  const files: Record<string, unknown> = {}
  const lambdas: Record<string, unknown> = {}
  for (const [name, { code, properties }] of Object.entries(functions)) {
    mkdirSync(join(directory, `asset.${name}`))
    writeFileSync(join(directory, `asset.${name}`, 'index.mjs'), code)
    // As CDK's: other code has another key.
    const key = createHash('sha256').update(name).update(code).digest('hex')
    files[key] = { source: { path: `asset.${name}`, packaging: 'zip' } }
    lambdas[name] = {
      Type: 'AWS::Lambda::Function',
      Properties: {
        FunctionName: name,
        Code: { S3Bucket: { 'Fn::Sub': 'assets-${AWS::Region}' }, S3Key: `${key}.zip` },
        Handler: 'index.handler',
        MemorySize: 256,
        Timeout: 10,
        ...properties,
      },
    }
  }
  const write = (file: string, content: unknown): void =>
    writeFileSync(join(directory, file), JSON.stringify(content))
  write('manifest.json', {
    artifacts: {
      'tiny.assets': { type: 'cdk:asset-manifest', properties: { file: 'tiny.assets.json' } },
      tiny: {
        type: 'aws:cloudformation:stack',
        properties: { templateFile: 'tiny.template.json' },
      },
    },
  })
  write('tiny.assets.json', { files })
  write('tiny.template.json', { Resources: { ...lambdas, ...resources } })
  return directory
}

export interface TinyCloud extends Cloud, AsyncDisposable {
  readonly logs: string[]
}

export async function startTinyCloud(
  stack: TinyStack,
  options: Omit<CloudOptions, 'assemblyDir'> = {},
): Promise<TinyCloud> {
  const assemblyDir = writeAssembly(stack)
  const logs: string[] = []
  const cloud = await startCloud({
    assemblyDir,
    log: (name, line) => logs.push(`${name}: ${line}`),
    ...options,
  }).catch((error: unknown) => {
    rmSync(assemblyDir, { recursive: true })
    throw error
  })
  return {
    ...cloud,
    logs,
    async [Symbol.asyncDispose]() {
      await cloud.stop()
      rmSync(assemblyDir, { recursive: true })
    },
  }
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Waits until a condition holds; the test's own timeout is the end of patience. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
}
