// What Directus provides at run time. Its own types are a hundred times larger than what is used of them.
declare module 'vue' {
  export interface Ref<T> {
    value: T
  }
  export function ref<T>(value: T): Ref<T>
  export function h(type: string, properties?: Record<string, unknown> | null, children?: unknown): unknown
  export function defineComponent(component: object): object
  export function onMounted(does: () => unknown): void
  export function watch(
    sources: unknown[],
    does: () => void,
    options?: { flush?: 'pre' | 'post'; immediate?: boolean },
  ): void
}

declare module '@directus/extensions-sdk' {
  export function useApi(): { get(path: string): Promise<{ data: any }> }
}

declare module 'tada-picker'
