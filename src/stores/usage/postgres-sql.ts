import { mostCount } from '../../core/usage/usage.js';
import { quote, tableOf } from '../postgres-names.js';
import { mistake } from './row.js';

/** The tables of counts, as SQL. */
export interface UsageNames {
  readonly rows: string;
  readonly details: string;
  readonly instances: string;
  readonly index: (name: string) => string;
}

/**
 * Returns the names of the tables: the given one, and those that are derived from it.
 * @throws ConfigError for an invalid name
 */
export function namesOf(where: string, table: unknown = 'sallyport_usage'): UsageNames {
  const rows = tableOf(where, table);
  const own = String(table).split('.').at(-1) ?? '';
  const longest = '_details_last';
  if (Buffer.byteLength(own + longest) > 63) {
    const most = 63 - longest.length;
    const got = Buffer.byteLength(own);
    throw mistake(
      where,
      `must be at most ${most} bytes long, because other names are derived from it; got ${got}`,
    );
  }
  const named = (ending: string) => tableOf(where, `${table}${ending}`);
  return {
    rows,
    details: named('_details'),
    instances: named('_instances'),
    index: (ending) => quote(`${own}_${ending}`),
  };
}

/** Returns the SQL that creates the tables. */
export const createTables = ({ rows, details, instances, index }: UsageNames): string => `
create table ${rows} (
  name text primary key, -- a digest of client, key, what, detail, day and issuer
  client text not null, -- this and the next three with \\uXXXX for what is not printable ASCII
  issuer text not null,
  key text not null,
  detail text not null,
  what text not null,
  day text not null, -- YYYY-MM-DD, or empty
  count bigint not null,
  first bigint not null, -- minutes since 1970
  last bigint not null
);
create index ${index('day')} on ${rows} (day) where day <> '';
create index ${index('last')} on ${rows} (last) where day = '';
create table ${details} (
  name text primary key, -- a digest of client, what, detail and issuer
  topic text not null, -- a digest of client, what and issuer
  last bigint not null
);
create index ${index('topic')} on ${details} (topic);
create index ${index('details_last')} on ${details} (last);
create table ${instances} (
  instance text primary key,
  seq bigint not null,
  since double precision not null, -- milliseconds since 1970
  at double precision not null,
  every double precision not null, -- seconds
  dropped bigint not null,
  closed boolean not null,
  watched text not null, -- JSON: [[from, to], ...], milliseconds since 1970
  missing bigint not null,
  skew double precision, -- milliseconds
  more text not null -- JSON: excludes, counted, unbroken
);
`;

const recordOf = `instance, seq::text, since::text, at::text, every::text, dropped::text, closed,
  watched, missing::text, skew::text, more`;

/** The statements of a store. */
export const statements = ({ rows, details, instances }: UsageNames) => ({
  look: `select ${recordOf}, time from (select (extract(epoch from clock_timestamp()) * 1000)::text as time) t
    left join ${instances} on instance = $1::text`,

  // The instance's row is locked first: a statement that waited for it sees the batch added meanwhile.
  // Everything else is locked in a fixed order, so that two instances cannot deadlock.
  add: `
with told as (
  insert into ${instances} as i
    (instance, seq, since, at, every, dropped, closed, watched, missing, skew, more)
  select $1::text, $2::bigint, $3::float8, $4::float8, $5::float8, $6::bigint, $7::boolean, $8::text,
    $9::bigint, $10::float8, $13::text
  where $11::bigint = 0 or exists (select from ${instances} where instance = $1::text)
  on conflict (instance) do update set seq = excluded.seq, since = excluded.since,
    at = excluded.at, every = excluded.every, dropped = excluded.dropped, closed = excluded.closed,
    watched = excluded.watched, missing = excluded.missing, skew = excluded.skew,
    more = excluded.more
  where i.seq = $11::bigint
  returning i.seq
), given as (
  select * from json_to_recordset($12::json) as g (name text, folded text, topic text, known text,
    room int, client text, issuer text, key text, what text, detail text, day text, count bigint,
    first bigint, last bigint)
  where exists (select from told)
), fresh as (
  select topic, known, room, row_number() over (partition by topic order by known) as place
  from (select distinct topic, known, room from given where topic is not null) t
  where not exists (select from ${details} d where d.name = t.known)
), held as (
  select d.topic, count(*) as places from ${details} d
  where d.topic in (select topic from fresh) group by d.topic
), without as (
  select f.known from fresh f left join held h on h.topic = f.topic
  where f.place + coalesce(h.places, 0) > f.room
), placed as (
  select g.*, w.known is not null as beyond from given g left join without w on w.known = g.known
), marked as (
  insert into ${details} as d (name, topic, last)
  select known, topic, max(last) from placed where topic is not null and not beyond
  group by known, topic order by known
  on conflict (name) do update set last = excluded.last where d.last < excluded.last - 1440
), added as (
insert into ${rows} as r (name, client, issuer, key, what, detail, day, count, first, last)
select name, client, issuer, key, what, detail, day, sum(count), min(first), max(last) from (
  select case when beyond then folded else name end as name, client, issuer, key, what,
    case when beyond then '(other)' else detail end as detail, day, count, first, last
  from placed
) p group by name, client, issuer, key, what, detail, day order by name
on conflict (name) do update set count = least(r.count + excluded.count, ${mostCount}),
  first = least(r.first, excluded.first), last = greatest(r.last, excluded.last)
)
select seq from told`,

  // Each uses an index, deletes few rows at a time, and skips rows that are locked: the next sweep gets them.
  // An instance's `at` is in its own time; subtracting its skew gives the time of the database.
  sweeps: [
    `delete from ${rows} where name in (select name from ${rows}
      where day <> '' and day < $1::text limit $2::int for update skip locked) returning 1`,
    `delete from ${rows} where name in (select name from ${rows}
      where day = '' and last < $1::bigint limit $2::int for update skip locked) returning 1`,
    `delete from ${details} where name in (select name from ${details}
      where last < $1::bigint limit $2::int for update skip locked) returning 1`,
    `delete from ${instances} where instance in (select instance from ${instances}
      where closed and at - coalesce(skew, 0) < $1::float8 limit $2::int for update skip locked) returning 1`,
  ],

  rows: `select client, issuer, key, what, detail, day, count::text, first::text, last::text
    from ${rows}`,
  instances: `select ${recordOf}, (extract(epoch from clock_timestamp()) * 1000)::text as time
    from ${instances}`,
  clients: `select distinct client, issuer from ${rows}
    where what in ('key', 'token', 'refused') and client <> ''`,
});

/** Returns whether an error means that a table lacks a column, because it was created by hand. */
export const isColumnMissing = (error: unknown): boolean =>
  (error as { readonly code?: unknown } | null)?.code === '42703';

/** Creates the error for tables that lack a column: it says which, and how to create the tables. */
export const columnMissing = (where: string, cause: unknown): Error => {
  const { message } = Object(cause) as { readonly message?: unknown };
  return Object.assign(
    new Error(
      `${where}: the tables must have the columns that usageTables() of sallyport/postgres creates; got ${JSON.stringify(String(message).slice(0, 200))}. Create them with the SQL that usageTables() returns (see "PostgreSQL" in docs/usage.md of sallyport)`,
      { cause },
    ),
    { code: 'ERR_USAGE_TABLES' },
  );
};
