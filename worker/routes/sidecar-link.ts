// What a route says to the sidecar: questions with a deadline, and wake-ups that may get lost.
import type { z } from 'zod';
import type { ControlAnswer, ControlRequestName, ControlRequests, WakeUp } from '../../shared/control.ts';
import { AppError } from '../../shared/errors.ts';
import { CONTROL_CALL_SLACK_MS, CONTROL_REQUEST_MS_MAX } from '../../shared/limits.ts';
import { controlStub } from '../durable/stubs.ts';
import type { Env } from '../env.ts';

/** The object's answer, or that it gave none: its reset rejects the call, and whatever else happens must not hang it. */
async function callSidecar(
  env: Env,
  name: ControlRequestName,
  question: unknown,
  deadlineMs: number,
): Promise<ControlAnswer> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new Error('no answer of the control link');
    timer = setTimeout(() => reject(error), deadlineMs + CONTROL_CALL_SLACK_MS);
  });
  try {
    return await Promise.race([controlStub(env).request(name, question, deadlineMs), late]);
  } catch (error) {
    console.warn(`request ${name} to the sidecar was cut off: ${error}`);
    return { ok: false, code: 'sidecar_unavailable', message: 'the sidecar was cut off, try again' };
  } finally {
    clearTimeout(timer ?? null);
  }
}

/**
 * The sidecar's answer, checked by `schema`. Throws `sidecar_unavailable` when there is none within `deadlineMs`, and
 * what the sidecar says is wrong with the question.
 */
export async function askSidecar<Name extends ControlRequestName>(
  env: Env,
  name: Name,
  question: ControlRequests[Name]['question'],
  schema: z.ZodType<ControlRequests[Name]['answer']>,
  deadlineMs: number = CONTROL_REQUEST_MS_MAX,
): Promise<ControlRequests[Name]['answer']> {
  const answer = await callSidecar(env, name, question, deadlineMs);
  if (!answer.ok) throw new AppError(answer.code, answer.message);
  const parsed = schema.safeParse(answer.payload);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Error(`the sidecar's answer to ${name}: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** Off the path of the answer: a wake-up that is lost costs the time until the sidecar looks by itself. */
export function wakeSidecar(env: Env, background: Pick<ExecutionContext, 'waitUntil'>, name: WakeUp): void {
  const call = controlStub(env).wake(name);
  background.waitUntil(
    call.then(
      (isHeard) => {
        if (!isHeard) console.warn(`${name}: no sidecar is connected, it learns of it when it is back`);
      },
      (error) => console.warn(`${name}: the sidecar was not woken: ${error}`),
    ),
  );
}
