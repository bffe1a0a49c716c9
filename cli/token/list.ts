/** `thaw token list`. */
import type { Command } from 'commander'
import { choice, toggle } from '#agent/flags/flag.ts'
import { stateOf, rotatedMs } from '#lib/auth/token.ts'
import { readTokens, TOKENS_KEY } from '#lib/auth/token-list.ts'
import { jsonText } from '../bucket/report-flags.ts'
import { subcommand } from '../subcommand.ts'
import type { CliContext } from '../context.ts'
import { formatTable } from '../table.ts'
import { describe, oldSecretUntilMs, timeText } from './token-parts.ts'

const FLAGS = {
  all: toggle('also those that are revoked or expired; they are kept for 90 days'),
  output: { ...choice(['table', 'json'], 'table', 'form of the list: table or json'), short: 'o' },
} as const

export function listCommand(context: CliContext): Command {
  return subcommand(context, {
    name: 'list',
    description: 'Lists the tokens: what each may, until when, and whether it is being rotated.',
    flags: FLAGS,
    help: HELP,
    timeout: '1m',
    async run({ flags, bucket, signal }) {
      const nowMs = context.now()
      const { tokens, etag } = await readTokens(bucket, signal)
      // No object may also mean that there is no bucket: a listing tells.
      if (etag === undefined) await Array.fromAsync(bucket.list(TOKENS_KEY, { signal }))
      const shown = tokens.filter((token) => flags.all || stateOf(token, nowMs) === 'valid')
      if (flags.output === 'json') {
        context.write(jsonText(shown.map((token) => describe(token, nowMs))))
        return
      }
      const rows = shown.map((token) => {
        const untilMs = oldSecretUntilMs(token, nowMs)
        const state = stateOf(token, nowMs)
        return [
          token.name,
          token.id,
          token.tenant ?? '-',
          token.scopes.join(','),
          timeText(token.createdMs),
          timeText(token.expiresMs),
          timeText(rotatedMs(token)),
          untilMs === undefined ? state : `${state}, old secret until ${timeText(untilMs)}`,
        ]
      })
      context.write(formatTable({ header: HEADER, rows }))
      if (shown.length === 0) context.writeError('no token: nobody is let in\n')
    },
  })
}

const HEADER = ['NAME', 'ID', 'TENANT', 'MAY', 'CREATED', 'EXPIRES', 'ROTATED', 'STATE']

const HELP = `Examples:
  $ thaw token list --objstore.config-file=bucket.yml
  $ thaw token list --all -o json --objstore.config-file=bucket.yml | jq '.[] | select(.state == "revoked").name'
`
