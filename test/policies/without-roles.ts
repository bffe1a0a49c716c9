/** Where functions of the embedded cloud run without the roles of the template, and why: the last step of `npm test` prints it. */
export const WITHOUT_ROLES = {
  'equality.test.ts, over a directory': 'the same questions over a bucket as `npm start` has it',
  'limits.test.ts, the deadline': 'a bucket that does not answer',
  'bad-bucket.test.ts': 'wrong credentials, a bucket that is not there, nobody at the endpoint',
  'alarms.test.ts, a bucket that is gone':
    'functions that can not use the bucket at all, and then can',
  'rolling-update.test.ts':
    'functions of two stacks at once, of which the embedded cloud knows no roles',
} as const

export type WithoutRoles = keyof typeof WITHOUT_ROLES
