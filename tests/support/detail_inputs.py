"""Detail-preserving pooling as a function of tensors alone, which tests can run and differentiate."""

import tf_softpool as tsp


def pooling(*arguments, **options):
    """Returns a pooling as a function of x, the guide if there is one, alpha and lambda."""

    def pool(x, *others):
        *guide, alpha, lam = others
        return tsp.detail_preserving_pool(x, guide[0] if guide else None, alpha, lam, *arguments, **options)

    return pool
