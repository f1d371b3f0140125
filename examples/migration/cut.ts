// #region quickstart
import type { MigrationPlan } from 'sallyport';
import type { MigrationReport } from 'sallyport/report';

/** Returns the plan with `token-only` for every client whose keys are safe to disable. */
export function cutWhatIsSafe(plan: MigrationPlan, report: MigrationReport): MigrationPlan {
  const safe = report.clients.filter(
    ({ mode, safeToCut }) => safeToCut.safe && mode !== 'token-only' && mode !== 'extension',
  );
  const cut = safe.map(({ client }) => {
    const held = plan.clients?.[client];
    return [client, { ...(typeof held === 'object' && held), mode: 'token-only' }] as const;
  });
  return { ...plan, clients: { ...plan.clients, ...Object.fromEntries(cut) } };
}
// #endregion
