import { l10n, ThemeColor } from 'vscode';
import type { ChangeKind } from '../../protocol/messages';

interface KindPresentation {
  readonly badge: string;
  /** How people call it: in tooltips, to screen readers. */
  readonly label: string;
  readonly color: ThemeColor;
}

/** How each kind of change looks, in the Changes view and in the explorer; the colours are those of Git's view. */
export const kindPresentations: Readonly<Record<ChangeKind, KindPresentation>> = {
  changed: {
    badge: 'M',
    label: l10n.t('Changed'),
    color: new ThemeColor('gitDecoration.modifiedResourceForeground'),
  },
  created: {
    badge: 'A',
    label: l10n.t('Created'),
    color: new ThemeColor('gitDecoration.addedResourceForeground'),
  },
  whiteout: {
    badge: 'D',
    label: l10n.t('Deleted'),
    color: new ThemeColor('gitDecoration.deletedResourceForeground'),
  },
  renamed: {
    badge: 'R',
    label: l10n.t('Renamed'),
    color: new ThemeColor('gitDecoration.renamedResourceForeground'),
  },
  metadata: {
    badge: 'P',
    label: l10n.t('Metadata changed'),
    color: new ThemeColor('gitDecoration.modifiedResourceForeground'),
  },
};
