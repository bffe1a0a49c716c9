/** A worker of these benches as it is deployed: bundled, with the settings of the functions. */
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { bundleFunction } from '#infra/bundle.ts'
import { RUNTIME_ENVIRONMENT } from '#infra/runtime-environment.ts'

export interface BundledWorker {
  /** For `node`. */
  readonly file: string
  readonly directory: string
  readonly env: Readonly<Record<string, string>>
}

/** `source` is a file beside this one. */
export function bundledWorker(source: string): BundledWorker {
  const entry = fileURLToPath(new URL(source, import.meta.url))
  const directory = bundleFunction({ entry, mapsDir: join(tmpdir(), 'thaw-bench-maps') })
  return { file: join(directory, 'index.mjs'), directory, env: RUNTIME_ENVIRONMENT }
}
