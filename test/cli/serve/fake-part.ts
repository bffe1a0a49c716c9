/** A thread that does as its flags say, for `part.test.ts`. */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromPart, PartData, ToPart } from '#cli/serve/part-messages.ts'

const { flags } = workerData as PartData
const tell = (message: FromPart): void => parentPort!.postMessage(message, [])

if (flags === 'refuse') tell({ type: 'refused', message: 'the file is not there' })
if (flags === 'end') throw new Error('out of luck')
if (flags === 'work, end') {
  tell({ type: 'worked' })
  throw new Error('out of luck')
}
if (flags === 'work' || flags === 'never end') tell({ type: 'ready' })
if (flags === 'fail') tell({ type: 'failed', message: 'the bucket is away' })
parentPort!.on('message', (message: ToPart) => {
  if (message.type === 'stop' && flags !== 'never end') parentPort!.close()
  if (message.type === 'metrics' && flags === 'work') {
    tell({ type: 'metrics', id: message.id, metrics: [] })
  }
  if (message.type === 'reload') tell({ type: 'worked' })
})
