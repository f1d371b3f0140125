import { clientIn, figures, planOf, type Scene } from './scene.js';
import type { Agenda } from './year.js';

/** The months in which nothing is taken from anybody. */
export const opening = (scene: Scene): Agenda => ({
  async '2026-11-02'() {
    const { chapter, say } = scene;
    chapter('2 Nov 2026', 'Step 1, inventory');
    say(
      `The guard stands in front of an API that has only known keys. 40 of them are in its table,
      without scopes, without tenants, two without an owner. The plan says "key-only": nobody
      notices anything.`,
    );
  },

  async '2026-12-07'() {
    const { api, chapter, say, check } = scene;
    chapter('7 Dec 2026', 'What five weeks of counting have found');
    const { report } = await scene.report({ 'on keys': 38, inactive: 2 }, [figures]);
    const { agents } = clientIn(report, 'key_39');
    say(
      `Two keys belong to nobody. key_40 never came; key_39 comes on Mondays from
      ${agents[0]?.agent}, and that name leads to a script of a colleague who has left. acme came
      once, on the first of December: a monthly job, and the reason to have counted for five weeks.`,
    );
    const inUrl = report.risks.filter(({ kind }) => kind === 'key-in-url');
    check(
      'two orphans, two keys that never came, and a key in the URL: hooli',
      [
        report.orphanKeys,
        report.silentKeys?.map(({ key }) => key),
        inUrl.map(({ client }) => client),
      ],
      [['key_39', 'key_40'], ['key_38', 'key_40'], ['hooli']],
    );
    const broken = report.clients.filter(({ wouldDeny }) => wouldDeny.length > 0).length;
    check('clients that would break, were scopes and tenants enforced today: 38', broken, 38);
    say('So step 2: the team writes scopes and tenants into the table of keys.');
    api.completeTable();
  },

  async '2026-12-14'() {
    const { api, chapter, say, check } = scene;
    chapter('14 Dec 2026', 'A week with scopes and tenants, still only reported');
    const { report } = await scene.report({ 'on keys': 38, inactive: 2 });
    const still = report.clients.flatMap(({ client, wouldDeny }) =>
      wouldDeny
        .filter(({ last }) => last >= '2026-12-07')
        .map(({ reason }) => `${client} ${reason}`),
    );
    check(`would still be refused: ${still.join(', ')}`, still, ['soylent ERR_ORG_MISMATCH']);
    say(
      `soylent reads the invoices of its parent company, which no key ever kept it from. The checks
      are enforced for everybody else, and soylent has until Christmas.`,
    );
    await api.setPlan(planOf('2-scopes'));
  },

  async '2027-01-04'() {
    const { api, chapter, say } = scene;
    chapter('4 Jan 2027', 'Step 3, both doors');
    say(
      `The guide is out, and so is the first announcement: deprecated from 1 February, over on
      30 June. From today every answer to a key has a Link to the guide; from February on it has the
      dates. Nothing else happens for three months, but that clients move.`,
    );
    await api.setPlan(planOf('3-dual'));
  },
});
