import { quote, tableOf } from './columns.js';
import { mistake } from './usage-row.js';

/** The tables of counts, as SQL. */
export interface UsageNames {
  readonly rows: string;
  readonly details: string;
  readonly instances: string;
  readonly since: string;
  readonly index: (name: string) => string;
}

/**
 * The names of the tables: the one that is given, and those that are called after it.
 * @throws ConfigError for what can be no name
 */
export function namesOf(where: string, table: unknown = 'sallyport_usage'): UsageNames {
  const rows = tableOf(where, table);
  const own = String(table).split('.').at(-1) ?? '';
  const longest = '_instances';
  if (Buffer.byteLength(own + longest) > 63) {
    throw mistake(where, `is over ${63 - longest.length} bytes: others are called after it`);
  }
  const named = (ending: string) => tableOf(where, `${table}${ending}`);
  return {
    rows,
    details: named('_details'),
    instances: named('_instances'),
    since: named('_since'),
    index: (ending) => quote(`${own}_${ending}`),
  };
}

/** What makes the tables. */
export const createTables = ({ rows, details, instances, since, index }: UsageNames): string => `
create table ${rows} (
  name text primary key, -- a digest of client, key, what, detail and day
  client text not null,
  key text not null,
  what text not null,
  detail text not null,
  day text not null, -- YYYY-MM-DD, or empty
  count bigint not null,
  first bigint not null, -- minutes since 1970
  last bigint not null
);
create index ${index('day')} on ${rows} (day);
create table ${details} (
  name text primary key, -- a digest of client, what and detail
  topic text not null, -- a digest of client and what
  last bigint not null
);
create index ${index('topic')} on ${details} (topic);
create table ${instances} (
  instance text primary key,
  seq bigint not null,
  since double precision not null, -- milliseconds since 1970
  at double precision not null,
  every double precision not null, -- seconds
  dropped bigint not null,
  closed boolean not null
);
create table ${since} (
  one boolean primary key default true check (one),
  since double precision not null -- milliseconds since 1970
);
`;

/** The statements of a store. */
export const statements = ({ rows, details, instances, since }: UsageNames) => ({
  // The instance's own row comes first: who waits for it finds a batch that was added meanwhile.
  // All else is locked in one order, so that no two instances wait for each other.
  add: `
with told as (
  insert into ${instances} as i (instance, seq, since, at, every, dropped, closed)
  values ($1::text, $2::bigint, $3::float8, $4::float8, $5::float8, $6::bigint, $7::boolean)
  on conflict (instance) do update set seq = excluded.seq, since = excluded.since,
    at = excluded.at, every = excluded.every, dropped = excluded.dropped, closed = excluded.closed
  where i.seq < excluded.seq
  returning i.since
), given as (
  select * from json_to_recordset($8::json) as g (name text, folded text, topic text, known text,
    room int, client text, key text, what text, detail text, day text, count bigint, first bigint,
    last bigint)
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
), began as (
  insert into ${since} (since) select t.since from told t on conflict do nothing
)
insert into ${rows} as r (name, client, key, what, detail, day, count, first, last)
select name, client, key, what, detail, day, sum(count), min(first), max(last) from (
  select case when beyond then folded else name end as name, client, key, what,
    case when beyond then '(other)' else detail end as detail, day, count, first, last
  from placed
) p group by name, client, key, what, detail, day order by name
on conflict (name) do update set count = r.count + excluded.count,
  first = least(r.first, excluded.first), last = greatest(r.last, excluded.last)`,

  // What another statement is at is left for the next time.
  prune: `
with gone as (
  delete from ${rows} where name in (
    select name from ${rows} where (day <> '' and day < $1::text) or (day = '' and last < $2::bigint)
    limit 10000 for update skip locked)
), unused as (
  delete from ${details} where name in (
    select name from ${details} where last < $2::bigint limit 10000 for update skip locked)
)
delete from ${instances} where instance in (
  select instance from ${instances} where at < $3::float8 limit 1000 for update skip locked)`,

  rows: `select client, key, what, detail, day, count::text, first::text, last::text from ${rows}`,
  instances: `select instance, seq::text, since::text, at::text, every::text, dropped::text, closed
    from ${instances}`,
  since: `select since::text from ${since}`,
});
