/** What we use of Directus, as it gives it to its extensions. */

export interface Query {
  where(column: string, value: unknown): Query
  where(column: string, operator: string, value: unknown): Query
  where(conditions: (query: Query) => void): Query
  where(conditions: Record<string, unknown>): Query
  orWhere(column: string, operator: string, value: unknown): Query
  whereNull(column: string): Query
  orWhereNull(column: string): Query
  whereIn(column: string, values: readonly unknown[] | Query): Query
  whereNotIn(column: string, values: readonly unknown[] | Query): Query
  whereColumn(first: string, operator: string, second: string): Query
  whereRaw(sql: string): Query
  orderBy(column: string): Query
  limit(count: number): Query
  select(...columns: unknown[]): Query & Promise<any[]>
  first(...columns: unknown[]): Promise<any>
  count(columns: Record<string, string>): Query & Promise<any[]>
  groupBy(column: string): Query & Promise<any[]>
  leftJoin(table: string, one: string, other: string): Query
  insert(rows: unknown): Promise<unknown>
  update(changes: Record<string, unknown>): Promise<number>
  delete(): Promise<number>
}

export interface Database {
  (table: string): Query
  raw(sql: string): unknown
  schema: {
    hasTable(name: string): Promise<boolean>
    hasColumn(table: string, column: string): Promise<boolean>
    createTable(name: string, make: (table: any) => void): Promise<void>
  }
}

export interface Logger {
  info(text: string): void
  warn(text: string): void
  error(text: string): void
}

export interface Context {
  services: Record<string, new (options: Record<string, unknown>) => any>
  env: Record<string, unknown>
  database: Database
  logger: Logger
  getSchema(): Promise<unknown>
}

export interface Accountability {
  user: string | null
  admin: boolean
  app: boolean
}

export interface Request {
  accountability?: Accountability | null
  body?: Record<string, unknown>
}

export interface Response {
  status(code: number): Response
  set(name: string, value: string): Response
  json(body: unknown): void
}

type Handler = (request: Request, response: Response, next: (error: unknown) => void) => Promise<void>

export interface Router {
  get(path: string, handler: Handler): void
  post(path: string, handler: Handler): void
}

export interface Registering {
  filter(event: string, handler: (payload: any, meta: any) => unknown): void
  action(event: string, handler: (meta: any) => unknown): void
  init(event: string, handler: (meta: any) => unknown): void
  schedule(cron: string, handler: () => unknown): void
}
