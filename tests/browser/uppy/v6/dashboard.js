export { default as Dashboard } from '@uppy/dashboard'
