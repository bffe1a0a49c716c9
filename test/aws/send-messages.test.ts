import type { SQSClient } from '@aws-sdk/client-sqs'
import { describe, expect, it } from 'vitest'
import { sendMessages } from '#lib/aws/send-messages.ts'

interface Sent {
  readonly QueueUrl: string
  readonly Entries: readonly { readonly Id: string; readonly MessageBody: string }[]
}

function client(answer: (sent: Sent) => unknown = () => ({})): { client: SQSClient; sent: Sent[] } {
  const sent: Sent[] = []
  const send = async ({ input }: { input: Sent }): Promise<unknown> => {
    sent.push(input)
    return answer(input)
  }
  return { client: { send } as unknown as SQSClient, sent }
}

describe('sendMessages', () => {
  it('sends all, in order, in as few requests as the limits allow', async () => {
    const large = 'x'.repeat(200_000)
    const bodies = [...Array.from({ length: 25 }, (_, i) => `job ${i}`), large, large, 'last']
    const { client: sqs, sent } = client()
    await sendMessages(sqs, 'http://queue', bodies)
    expect(sent.map(({ Entries }) => Entries.length)).toEqual([10, 10, 6, 2])
    expect(sent.flatMap(({ Entries }) => Entries.map((one) => one.MessageBody))).toEqual(bodies)
    for (const { QueueUrl, Entries } of sent) {
      expect(QueueUrl).toBe('http://queue')
      expect(new Set(Entries.map(({ Id }) => Id)).size).toBe(Entries.length)
    }
  })

  it('asks for nothing where there is nothing to send', async () => {
    const { client: sqs, sent } = client()
    await sendMessages(sqs, 'http://queue', [])
    expect(sent).toEqual([])
  })

  it('names the queue that refuses all, or one', async () => {
    const refusing = client(() => {
      throw new Error('AccessDenied')
    })
    await expect(sendMessages(refusing.client, 'http://queue', ['a'])).rejects.toMatchObject({
      kind: 'unavailable',
      message: 'http://queue: AccessDenied',
    })
    const denying = client(() => {
      throw Object.assign(new Error('no policy allows it'), { name: 'AccessDeniedException' })
    })
    await expect(sendMessages(denying.client, 'http://queue/1/jobs', ['a'])).rejects.toMatchObject({
      kind: 'unauthorized',
      message:
        'http://queue/1/jobs: AccessDeniedException: no policy allows it, allow sqs:SendMessage on jobs',
    })
    const losing = client(() => ({ Failed: [{ Id: '0', Code: 'InternalError' }] }))
    await expect(sendMessages(losing.client, 'http://queue', ['a'])).rejects.toThrow(
      'http://queue: InternalError',
    )
  })
})
