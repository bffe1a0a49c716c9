/** What a cold start reads of a bundle: the files that its entry imports at once, and not those that are imported later. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { bundleFunction } from '#infra/bundle.ts'

async function readAtOnce(name: string): Promise<string> {
  const mapsDir = await mkdtemp(join(tmpdir(), 'thaw-maps-'))
  const entry = fileURLToPath(new URL(`../../functions/${name}.ts`, import.meta.url))
  const directory = bundleFunction({ entry, mapsDir })
  onTestFinished(async () => {
    await Promise.all([mapsDir, directory].map((one) => rm(one, { recursive: true })))
  })
  const texts = new Map<string, string>()
  const read = async (file: string): Promise<void> => {
    if (texts.has(file)) return
    const text = await readFile(join(directory, file), 'utf8')
    texts.set(file, text)
    for (const [, next] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) await read(next!)
  }
  await read('index.mjs')
  return [...texts.values()].join('\n')
}

it.each(['query', 'store', 'plan'])(
  '%s loads neither gRPC nor the S3 client before it needs them',
  async (name) => {
    const text = await readAtOnce(name)
    // Names that minifying leaves alone: the environment is read by all functions, the others by what must wait.
    expect(text).toContain('THAW_OBJSTORE_CONFIG')
    expect(text).not.toContain('grpc.max_receive_message_length')
    expect(text).not.toContain('x-amz-checksum-algorithm')
  },
)
