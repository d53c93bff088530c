// What the page uses of Preact; ours, not Preact's.

export interface Element {
  readonly type: unknown;
}
export type Child = Element | string | number | boolean | null | undefined | readonly Child[];
export type View<P> = (props: P) => Child;

export class Component<P = object, S = object> {
  constructor(props: P);
  readonly props: Readonly<P>;
  state: S;
  setState(change: Partial<S>): void;
  componentDidMount?(): void;
  componentDidUpdate?(before: P): void;
  componentWillUnmount?(): void;
  shouldComponentUpdate?(next: P): boolean;
  render(): Child;
}

export type Kind<P> = View<P> | (new (props: P) => Component<P, any>);

export function h(type: string, attributes: Record<string, unknown> | null, ...children: Child[]): Element;
export function h<P>(type: Kind<P>, props: P & { key?: string | number }, ...children: Child[]): Element;
export function render(child: Child, parent: globalThis.Element): void;
