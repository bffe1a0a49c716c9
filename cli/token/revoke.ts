/** `thaw token revoke`. */
import type { Command } from 'commander'
import { revokeToken } from '#lib/auth/edit-tokens.ts'
import { REVOKED_WITHIN_MS } from '#lib/auth/token-reader.ts'
import { jsonText } from '../bucket/report-flags.ts'
import { subcommand } from '../subcommand.ts'
import type { CliContext } from '../context.ts'
import { describe, editParts, OUTPUT, REFERENCE, timeText } from './token-parts.ts'

export function revokeCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'revoke',
    description: 'Ends a token, with all its secrets, for good.',
    words: REFERENCE,
    flags: { output: OUTPUT },
    help: HELP,
    timeout: '1m',
    async run({ flags, words, bucket, signal }) {
      const { token, changed } = await revokeToken(
        await editParts(bucket, context, signal),
        words[0]!,
      )
      const { name, id, revokedMs } = token
      if (flags.output === 'json') {
        context.write(jsonText({ ...describe(token, context.now()), changed }))
      } else if (changed) {
        const seconds = REVOKED_WITHIN_MS / 1000
        context.write(
          `token ${name} (${id}) is revoked; the last request with it is let in within ${seconds} s\n`,
        )
      } else {
        context.write(`token ${name} (${id}) was revoked already, ${timeText(revokedMs)}\n`)
      }
    },
  })
}

const HELP = `Who has the token is refused within a minute. There is no way back: make another with create.

Examples:
  $ thaw token revoke grafana --objstore.config-file=bucket.yml
  $ thaw token revoke 01JD3Z5V4K8Q9XW2M6T7R0YBNC -o json --objstore.config-file=bucket.yml
`
