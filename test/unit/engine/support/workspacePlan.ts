import * as fc from 'fast-check';
import { imageOfPlan, type Planned, plannedBase } from './baseTree';
import { describeImage, plant } from './image';
import { EngineSandbox, withDisk } from './sandbox';

/** A workspace that nobody has used yet. */
export interface WorkspacePlan {
  readonly bases: readonly (readonly Planned[])[];
  /** Bytes from which on files are kept by block. */
  readonly deltaThreshold: number;
  readonly whiteouts: 'device' | 'xattr';
}

/** What generates such plans. @param mostBases how many bases there may be */
export function workspacePlan(mostBases: number): {
  [F in keyof WorkspacePlan]: fc.Arbitrary<WorkspacePlan[F]>;
} {
  return {
    bases: fc.array(plannedBase, { minLength: 1, maxLength: mostBases }),
    deltaThreshold: fc.constantFrom(Infinity, 5000),
    whiteouts: fc.constantFrom('device' as const, 'xattr' as const),
  };
}

/** Makes it; the caller disposes of it. */
export function makeWorkspace({ bases, deltaThreshold, whiteouts }: WorkspacePlan): EngineSandbox {
  const sandbox = new EngineSandbox(bases.length, { deltaThreshold });
  if (whiteouts === 'xattr') sandbox.presetXattrWhiteouts();
  bases.forEach((plan, i) => {
    withDisk(sandbox.bases[i]!, (tree) => plant(imageOfPlan(plan), tree));
  });
  return sandbox;
}

/** What it is and what is done to it, for people. */
export function describeWorkspace(
  { bases, deltaThreshold, whiteouts }: WorkspacePlan,
  steps: readonly { readonly op: string }[],
): string[] {
  const lines = [`by block from ${deltaThreshold} bytes on, ${whiteouts} whiteouts`];
  bases.forEach((plan, i) => {
    lines.push(`base ${i + 1}:`);
    for (const line of describeImage(imageOfPlan(plan))) lines.push(`  ${line}`);
  });
  lines.push('steps:');
  for (const { op, ...details } of steps) lines.push(`  ${op} ${JSON.stringify(details)}`);
  return lines;
}
