"""The losses and regularisers of StyleGAN2 (Karras et al. 2020, arXiv 1912.04958), as graph functions."""

import numpy as np
import tensorflow.compat.v1 as tf


def d_logistic(real_scores, fake_scores):
    """Discriminator's logistic loss (Goodfellow et al. 2014, eq. 1). Scores [N,1], result []."""
    return tf.reduce_mean(tf.nn.softplus(fake_scores)) + tf.reduce_mean(tf.nn.softplus(-real_scores))


def g_logistic_nonsaturating(fake_scores):
    """Generator's non-saturating logistic loss (Goodfellow et al. 2014, section 3)."""
    return tf.reduce_mean(tf.nn.softplus(-fake_scores))


def r1_penalty(real_images, real_scores, gamma):
    """gamma/2 times the squared gradient of the scores at real images (Mescheder et al. 2018, eq. 9)."""
    gradient = tf.gradients(tf.reduce_sum(real_scores), real_images)[0]
    return gamma / 2 * tf.reduce_mean(tf.reduce_sum(tf.square(gradient), [1, 2, 3]))


def path_length_penalty(images, w, mean, weight, decay=0.01):
    """Path-length regularisation (arXiv 1912.04958, eq. 4): images [N,C,H,W] as a function of w [N,L,D].

    `mean` is the variable that tracks the target length a.
    """
    height, width = images.shape.as_list()[2:]
    noise = tf.random_normal(tf.shape(images)) / np.sqrt(height * width)
    gradient = tf.gradients(tf.reduce_sum(images * noise), w)[0]
    lengths = tf.sqrt(tf.reduce_mean(tf.reduce_sum(tf.square(gradient), 2), 1))  # [N]
    target = mean + decay * (tf.reduce_mean(lengths) - mean)
    with tf.control_dependencies([tf.assign(mean, tf.stop_gradient(target))]):
        return weight * tf.reduce_mean(tf.square(lengths - target))
