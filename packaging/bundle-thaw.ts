/** The `thaw` command as the container has it: itself and the files that its threads run, side by side. `node packaging/bundle-thaw.ts` */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundle, DIST, ROOT } from './bundle.ts'

const ENTRIES = {
  'thaw.mjs': 'cli/main.ts',
  'slice-worker.mjs': 'cli/slice-worker.ts',
  'part-worker.mjs': 'cli/part-worker.ts',
} as const

/** Texts by file name. */
export async function bundleThaw(): Promise<ReadonlyMap<string, string>> {
  const alias = { '#localstack/local.ts': join(ROOT, 'cli/no-local.ts') }
  const texts = await Promise.all(
    Object.entries(ENTRIES).map(
      async ([name, entry]) => [name, await bundle({ entry, target: 'node24', alias })] as const,
    ),
  )
  return new Map(texts)
}

if (import.meta.main) {
  await mkdir(DIST, { recursive: true })
  for (const [name, text] of await bundleThaw()) {
    const file = join(DIST, name)
    await writeFile(file, text, { mode: 0o755 })
    process.stdout.write(`${file} ${text.length} bytes\n`)
  }
}
