/** `thaw version`. */
import { Command } from 'commander'
import { VERSION } from '#agent/version.ts'
import type { CliContext } from './context.ts'

export function versionCommand({ write }: CliContext): Command {
  return new Command('version').description('Prints the version.').action(() => {
    write(`thaw ${VERSION} (node ${process.version}, ${process.platform} ${process.arch})\n`)
  })
}
