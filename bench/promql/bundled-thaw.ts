/** The server of the bench and its worker, bundled as the functions are. */
import { copyFileSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleFunction } from '#infra/bundle.ts'

export interface RunnableThaw {
  /** For `node`: flags and file, before the server's own arguments. */
  readonly command: readonly string[]
  /** The worker's file, where it is not the one in the sources. */
  readonly worker?: string | undefined
}

export function bundledThaw(directory: string): RunnableThaw {
  mkdirSync(directory, { recursive: true })
  // It says the version, one directory above the bundles.
  copyFileSync(pathOf('package.json'), join(directory, 'package.json'))
  const bundled = (name: string, source: string): string => {
    const bundle = bundleFunction({ entry: pathOf(source), mapsDir: join(directory, 'maps', name) })
    renameSync(bundle, join(directory, name))
    return join(directory, name, 'index.mjs')
  }
  const server = bundled('server', SERVER)
  return {
    command: [server],
    worker: bundled('worker', 'cli/slice-worker.ts'),
  }
}

/** Writes V8's profiles: from the sources, for the names to be ours. */
export function profiledThaw(profiles: string): RunnableThaw {
  return { command: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, pathOf(SERVER)] }
}

const SERVER = 'bench/promql/thaw-server.ts'

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../${file}`, import.meta.url))
}
