/** What a store of S3's kind says, and what its answers tell beside their words: region, clock, rights. */
import { describe, expect, it, vi } from 'vitest'
import { doctor } from './installation.ts'
import { startTinyS3, type TinyS3Faults } from './tiny-s3.ts'

async function told(faults: TinyS3Faults, more: readonly string[] = []): Promise<string[]> {
  const s3 = await startTinyS3(faults)
  try {
    const { code, out, findings } = await doctor({ 'objstore.config': s3.yaml }, more)
    expect(out).not.toMatch(/very-secret|\n {4}at /)
    expect(code).toBe(findings.some(({ level }) => level === 'wrong') ? 1 : 0)
    return findings
      .filter(({ part, level }) => part === 'bucket' && level !== 'ok')
      .map(({ level, check, text, seen = [], next = '' }) =>
        [`${level} ${check}: ${text}`, ...seen, next]
          .join('\n')
          .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
          .replaceAll(/doctor-[\w-]+/g, 'ID'),
      )
  } finally {
    await s3.stop()
  }
}

const STORE = 's3://metrics at http://HOST'

describe('thaw doctor on S3', () => {
  it('finds nothing wrong with a store that is well', async () => {
    expect(await told({})).toEqual([])
  })

  it.each<[string, TinyS3Faults, readonly string[]]>([
    [
      'a bucket of another region, which is found all the same',
      { region: 'eu-west-1' },
      [
        `warning region: the bucket is in eu-west-1, and is asked for in us-east-1
write region: eu-west-1 into its configuration, everywhere: each process finds out anew, and functions of another region pay for each byte`,
      ],
    ],
    [
      'a clock that is behind',
      { clockAheadMs: 20 * 60_000 },
      [
        `wrong clock: the clock of this machine is 20m behind that of the store
set it by NTP: timedatectl set-ntp true`,
      ],
    ],
    [
      'a clock that is a minute ahead',
      { clockAheadMs: -60_000 },
      [
        `warning clock: the clock of this machine is 1m ahead of that of the store
set it by NTP: timedatectl set-ntp true`,
      ],
    ],
    [
      'a bucket that another region must be asked for',
      {
        region: 'eu-west-1',
        errors: { GET: [301, 'PermanentRedirect'] },
      },
      [
        `wrong reached: the bucket can't be listed: ${STORE}: PermanentRedirect (301, request R1): Words, the bucket is in eu-west-1: write region: eu-west-1 into its configuration
`,
        `warning region: the bucket is in eu-west-1, and is asked for in us-east-1
write region: eu-west-1 into its configuration, everywhere: each process finds out anew, and functions of another region pay for each byte`,
      ],
    ],
    [
      'credentials that are over',
      { errors: { '*': [400, 'ExpiredToken'] } },
      [
        `wrong reached: the bucket can't be listed: ${STORE}: ExpiredToken (400, request R1): Words, the session is over: log in again (aws sso login), or use credentials that renew themselves, such as a role of this machine
`,
      ],
    ],
    [
      'no right to list',
      { errors: { GET: [403, 'AccessDenied'] } },
      [
        `wrong reached: the bucket can't be listed: ${STORE}: AccessDenied (403, request R1): Words, allow s3:ListBucket on ${STORE}, or leave out insecure, where a policy wants TLS
`,
      ],
    ],
    [
      'no right to write',
      { errors: { PUT: [403, 'AccessDenied'] } },
      [
        `wrong rights: these credentials may not s3:PutObject
s3:PutObject on thaw/probe/ID: ${STORE}/thaw/probe/ID: AccessDenied (403, request R1): Words, allow s3:PutObject on thaw/probe/ID, or leave out insecure, where a policy wants TLS
allow it in the policy of these credentials (packaging/aws has that of the agent), or look on with --read-only; those of an agent need nothing under thaw/probe/`,
        'unchecked conditional writes: needs the right to write\n',
      ],
    ],
    [
      'no right to delete',
      { errors: { DELETE: [403, 'AccessDenied'] } },
      [
        `wrong rights: these credentials may not s3:DeleteObject
s3:DeleteObject on thaw/probe/ID: ${STORE}/thaw/probe/ID: AccessDenied (403, request R1): Words, allow s3:DeleteObject on thaw/probe/ID, or leave out insecure, where a policy wants TLS
allow it in the policy of these credentials (packaging/aws has that of the agent), or look on with --read-only; those of an agent need nothing under thaw/probe/`,
        'unchecked conditional writes: needs the right to write\n',
      ],
    ],
    [
      'a store without conditional writes',
      { ignoresConditions: true },
      [
        `wrong conditional writes: ${STORE} ignores If-None-Match: two writers could undo each other's work, use a store with conditional writes
take another store, or a later version of this one: the bucket index, leases, rules and tokens stand on conditional writes`,
      ],
    ],
    [
      'a store that never answers',
      { hangs: true },
      [
        "wrong reached: the bucket can't be listed: no answer within 2s\n",
        'unchecked region: the store does not answer\n',
        'unchecked clock: the store does not answer\n',
      ],
    ],
  ])('names %s', async (_, faults, expected) => {
    expect(await told(faults)).toEqual(expected)
  })

  it.each([
    [
      undefined,
      [
        `warning write once: whoever may write blocks may also write over those that are there
where no program of Thanos writes into this bucket, let its policy refuse that: docs/operations.md has the statement`,
      ],
    ],
    ['{"Statement": [{"Condition": {"Null": {"s3:if-none-match": "true"}}}]}', []],
  ] as const)('looks in AWS whether blocks are written once: %s', async (policy, expected) => {
    const s3 = await startTinyS3(policy === undefined ? {} : { policy })
    vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.url)
    try {
      const { findings } = await doctor({ 'objstore.config': s3.awsYaml })
      const told = findings.filter(({ check }) => check === 'write once')
      expect(told).toHaveLength(1)
      const lines = told
        .filter(({ level }) => level !== 'ok')
        .map(({ level, check, text, next }) => `${level} ${check}: ${text}\n${next}`)
      expect(lines).toEqual(expected)
      expect(findings.some(({ level }) => level === 'wrong')).toBe(false)
    } finally {
      vi.unstubAllEnvs()
      await s3.stop()
    }
  })
})
