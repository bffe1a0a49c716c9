/** A worker thread that does one part of `thaw serve`: compaction, or rules. */
import { parentPort, workerData } from 'node:worker_threads'
import type { PartData } from './serve/part-messages.ts'
import { runPart } from './serve/run-part.ts'

const data = workerData as PartData
await runPart(data, parentPort!, async () =>
  data.name === 'compact'
    ? (await import('./serve/compact-part.ts')).compactPart
    : (await import('./serve/rule-part.ts')).rulePart,
)
