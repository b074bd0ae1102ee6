import { dataFolder, fetchData } from './data.js';

await fetchData();
console.log(`The ONNX backend tests are in ${dataFolder}`);
