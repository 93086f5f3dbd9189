/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * No code: the introductions of the sections of the manual whose code is
 * generated, and so cannot hold them.
 */

/**
 * SECTION:cpod-runtime
 * @title: CpodRuntime
 * @short_description: the engine
 *
 * The engine as an object: creates, finds and lists containers, replays
 * events, and tells of what happens. A #CpodClient has one ready, in
 * #CpodClient:runtime. What the methods do is said with the bus interface
 * <link linkend="gdbus-interface-org-cpod-Cpod1-Runtime.top_of_page">org.cpod.Cpod1.Runtime</link>.
 */

/**
 * SECTION:cpod-images
 * @title: CpodImages
 * @short_description: the images in local storage
 *
 * The image store as an object. A #CpodClient has one ready, in
 * #CpodClient:images. What the methods do is said with the bus interface
 * <link linkend="gdbus-interface-org-cpod-Cpod1-Images.top_of_page">org.cpod.Cpod1.Images</link>.
 */

/**
 * SECTION:cpod-container
 * @title: CpodContainer
 * @short_description: a container
 *
 * A container as an object; cpod_client_get_container_sync() finds one. Its
 * properties follow the container's life, so watch "notify". What the methods
 * do is said with the bus interface
 * <link linkend="gdbus-interface-org-cpod-Cpod1-Container.top_of_page">org.cpod.Cpod1.Container</link>.
 */

/**
 * SECTION:cpod-image
 * @title: CpodImage
 * @short_description: an image
 *
 * An image as an object. What the methods do is said with the bus interface
 * <link linkend="gdbus-interface-org-cpod-Cpod1-Image.top_of_page">org.cpod.Cpod1.Image</link>.
 */

/**
 * SECTION:cpod-exec
 * @title: CpodExec
 * @short_description: a further process in a container
 *
 * An exec session as an object. cpod_client_exec_sync() does all that it takes
 * to run a command and to collect its output. What the methods do is said with
 * the bus interface
 * <link linkend="gdbus-interface-org-cpod-Cpod1-Exec.top_of_page">org.cpod.Cpod1.Exec</link>.
 */

/**
 * SECTION:cpod-job
 * @title: CpodJob
 * @short_description: work that takes its time
 *
 * A job as an object. The library's own functions, such as
 * cpod_client_import_image_sync(), wait for jobs by themselves. What the
 * methods do is said with the bus interface
 * <link linkend="gdbus-interface-org-cpod-Cpod1-Job.top_of_page">org.cpod.Cpod1.Job</link>.
 */

/**
 * SECTION:cpod-object
 * @title: CpodObject
 * @short_description: what an object manager holds
 *
 * An object of the bus with its interfaces, as a #CpodObjectManagerClient
 * gives them.
 */

/**
 * SECTION:cpod-object-manager-client
 * @title: CpodObjectManagerClient
 * @short_description: all containers, or all images
 *
 * Keeps an object for each container, or for each image, and tells when one
 * comes or goes. Make it for %CPOD_PATH_CONTAINERS or %CPOD_PATH_IMAGES.
 */

/**
 * SECTION:cpod-error
 * @title: CpodError
 * @short_description: what can go wrong
 *
 * The error domain of the engine. See <link linkend="errors">Errors</link>
 * for the names that its codes have on the bus.
 */

/**
 * CpodClient:
 *
 * A connection to the engine. All is private.
 *
 * Since: 0.1
 */

/**
 * CpodContainerList:
 *
 * All containers, as a #GListModel. All is private.
 *
 * Since: 0.1
 */

/**
 * CpodStream:
 *
 * The standard streams of a container. All is private.
 *
 * Since: 0.1
 */

/**
 * CpodLogReader:
 *
 * A reader of a container's log. All is private.
 *
 * Since: 0.1
 */
