import { describe, expect, it } from 'vitest';
import { editPath, matchRoute, studyPath, trialPath, withQuery } from './route';

describe('matchRoute', () => {
  it.each([
    ['/', { view: 'studies' }],
    ['/studies', { view: 'studies' }],
    ['/studies/', { view: 'studies' }],
    ['/new', { view: 'new-study' }],
    ['/studies/new', { view: 'study', study: 'new' }],
    ['/studies/digits-mlp', { view: 'study', study: 'digits-mlp' }],
    ['/studies/v1.2', { view: 'study', study: 'v1.2' }],
    ['/studies/digits-mlp/trials/3', { view: 'trial', study: 'digits-mlp', number: 3 }],
    ['/studies/digits-mlp/edit', { view: 'edit-study', study: 'digits-mlp' }],
    ['/workers', { view: 'workers' }],
    ['/datasets', { view: 'datasets' }],
    ['/upload', { view: 'upload' }],
    ['/datasets/my%20rows', { view: 'dataset', dataset: 'my rows' }],
  ])('knows %s', (path, route) => expect(matchRoute(path)).toEqual(route));

  it.each(['/studies/a/trials', '/studies/a/trials/x', '/studies/a/trials/-1', '/studies/a/trials/1/2', '/studies/a/edit/1', '/workers/1', '/datasets/a/b', '/upload/a', '/foo'])(
    'does not guess at %s',
    (path) => expect(matchRoute(path)).toEqual({ view: 'unknown', path }),
  );

  it('bears a stray percent sign', () => expect(matchRoute('/studies/100%')).toEqual({ view: 'study', study: '100%' }));

  it('goes back and forth', () => {
    expect(matchRoute(studyPath('a b/c'))).toEqual({ view: 'study', study: 'a b/c' });
    expect(matchRoute(editPath('a b/c'))).toEqual({ view: 'edit-study', study: 'a b/c' });
    expect(matchRoute(trialPath('x', 12))).toEqual({ view: 'trial', study: 'x', number: 12 });
  });
});

describe('withQuery', () => {
  it('sets, keeps and removes', () => {
    expect(withQuery('?metric=val_loss&sort=value', { sort: 'number', desc: '1' })).toBe('?metric=val_loss&sort=number&desc=1');
    expect(withQuery('?metric=a&state=FAIL', { metric: null, state: '' })).toBe('');
    expect(withQuery('', { state: 'RUNNING,FAIL' })).toBe('?state=RUNNING,FAIL');
  });
});
