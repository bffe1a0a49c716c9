import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { bucketContract } from '#test/bucket/bucket.contract.ts'
import { fileBucket } from '#lib/bucket/file-bucket.ts'

const directory = mkdtempSync(join(tmpdir(), 'thaw-file-bucket-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

bucketContract('fileBucket', () => fileBucket(directory))
